"""Encryption of values at rest, each bound to its scope."""

import json
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from nightshift.errors import PermanentError
from nightshift.settings import settings

LOST_KEY = "A stored secret cannot be decrypted: its key is no longer in CREDENTIAL_KEYS."


def seal(scope: str, value: Any) -> bytes:
    """Encrypt a JSON value with the newest of CREDENTIAL_KEYS, bound to `scope` (a row's name)."""
    return _cipher(settings().credential_keys).encrypt(json.dumps([scope, value]).encode())


def unseal(scope: str, sealed: bytes) -> Any:
    """The value sealed in `scope`. Raises PermanentError for one of another scope, or one that no key decrypts."""
    try:
        sealed_in, value = json.loads(_cipher(settings().credential_keys).decrypt(sealed))
    except InvalidToken:
        raise PermanentError(LOST_KEY) from None
    if sealed_in != scope:
        raise PermanentError("A stored secret does not belong to this row.")
    return value


def rotate(sealed: bytes) -> bytes:
    """Encrypt a sealed value again, with the newest key. Raises PermanentError where no key decrypts it."""
    try:
        return _cipher(settings().credential_keys).rotate(sealed)
    except InvalidToken:
        raise PermanentError(LOST_KEY) from None


@cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
