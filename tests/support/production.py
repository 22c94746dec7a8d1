"""The settings of production, for as long as a test wants them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from nightshift.settings import settings

NEEDED = ("OPENAI_API_KEY", "RESEND_API_KEY", "RESEND_FROM")


@contextmanager
def in_production() -> Iterator[None]:
    with patch.dict(os.environ, {**dict.fromkeys(NEEDED, "of-the-tests@example.com"), "APP_ENV": "production"}):
        settings.cache_clear()
        try:
            yield
        finally:
            settings.cache_clear()
    settings.cache_clear()
