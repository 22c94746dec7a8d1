"""Patterns for LIKE."""


def containing(part: str | None) -> str | None:
    """The pattern of a text that contains this."""
    return part and "%" + part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
