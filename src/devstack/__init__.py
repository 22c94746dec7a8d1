"""Embedded Redis and Postgres, the real servers from wheels, for `make run` and the tests."""

from nightshift.errors import NightshiftError


class DevstackError(NightshiftError):
    """A server, or `make run`, cannot start. The message is one line: why, and what to do."""
