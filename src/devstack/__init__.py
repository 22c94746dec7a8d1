"""The real Redis and Postgres out of wheels, for a machine that has neither; used by `make run` and by the tests."""

from nightshift.errors import NightshiftError


class DevstackError(NightshiftError):
    """The servers, or `make run`, cannot start: one line on why, and what to do."""
