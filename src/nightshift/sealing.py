"""Values at rest, sealed to the place they were written in."""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from nightshift.errors import PermanentError
from nightshift.settings import settings

LOST_KEY = "A stored secret cannot be opened: its key is no longer in CREDENTIAL_KEYS."


def seal(place: str, value: Any) -> bytes:
    """A JSON value under the newest of CREDENTIAL_KEYS, bound to `place` (a row's name)."""
    return _cipher().encrypt(json.dumps([place, value]).encode())


def unseal(place: str, sealed: bytes) -> Any:
    """What was sealed at `place`. Raises PermanentError for another place's seal, or one that no key opens."""
    try:
        written_at, value = json.loads(_cipher().decrypt(sealed))
    except InvalidToken:
        raise PermanentError(LOST_KEY) from None
    if written_at != place:
        raise PermanentError("A stored secret does not belong to this row.")
    return value


def rotate(sealed: bytes) -> bytes:
    """The same, under the newest key. Raises PermanentError where no key opens it."""
    try:
        return _cipher().rotate(sealed)
    except InvalidToken:
        raise PermanentError(LOST_KEY) from None


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings().credential_keys])
