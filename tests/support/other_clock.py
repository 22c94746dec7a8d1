"""Processes whose clock is wrong, by libfaketime (Debian's package `faketime`, which `.ci/run` installs)."""

from pathlib import Path

from programs import needs


def other_clock(offset: str) -> dict[str, str]:
    """The environment of a process whose clock is `offset` (+5y, -60) from the right one. Without libfaketime the test skips."""
    needs("faketime")
    [library, *_] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    sleeps = str(Path(__file__).parent / "under_faketime")
    return {
        "LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "PYTHONPATH": sleeps,
    }  # fmt: skip
