"""Conditions on texts that contain a part, in any case."""


def conditions(name: str, column: str) -> dict[str, str]:
    """The condition for each parameter that `containing` may make. Of ASCII only it takes half the time."""
    return {name: f"{column} ILIKE :{name}", f"ascii_{name}": f'{column} COLLATE "C" ILIKE :ascii_{name}'}


def containing(name: str, part: str | None) -> dict[str, str]:
    """The parameter, by its name, of a text that contains this; nothing where nothing is looked for."""
    if not part:
        return {}
    pattern = "%" + part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    return {f"ascii_{name}" if part.isascii() else name: pattern}
