"""Reads values out of a vendor's JSON, which may be anything at all."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

MAX_ID_CHARACTERS = 500


def dig(value: Any, *path: str | int) -> Any:
    """The value at `path` inside JSON, None where there is none."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def walk(value: Any, *names: str) -> Iterator[Any]:
    """The elements of the list under the first name; with more names, of the lists inside of these."""
    found = dig(value, names[0])
    for element in found if isinstance(found, list) else ():
        if names[1:]:
            yield from walk(element, *names[1:])
        else:
            yield element


def id_of(value: Any) -> str:
    """A vendor's id, a string or a number, without characters that Postgres cannot store; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return "".join(character for character in str(value)[:MAX_ID_CHARACTERS] if character.isprintable())


def seconds_of(value: Any) -> float | None:
    """A number of seconds, also as a header has it; None for anything else."""
    with suppress(ValueError):
        value = float(value) if isinstance(value, str) else value
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if usable else None
