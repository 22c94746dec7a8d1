"""How vendors answer, with and without trouble."""

import random
from collections.abc import Callable

from recorder import Answer
from vendors import Mood

SHARE = 0.8  # of the requests meet the trouble; the others are answered well


def none(rng: random.Random) -> Mood:
    """An answer takes as long as a vendor's does, so that a process that is killed is mostly waiting for one."""
    return lambda request: (Answer(delay_seconds=rng.uniform(0.02, 0.4)), True)


def _failing(rng: random.Random, scale: float) -> Mood:
    return _mostly(rng, lambda: (Answer(500, {}), False))


def _rate_limited(rng: random.Random, scale: float) -> Mood:
    def answer() -> tuple[Answer, bool]:
        return Answer(429, {"name": "rate_limit_exceeded"}, {"Retry-After": str(rng.choice([1, 2, 4]))}), False

    return _mostly(rng, answer)


def _slow(rng: random.Random, scale: float) -> Mood:
    """Some answers come after the caller's deadline; the vendor has taken the message all the same."""
    return _mostly(rng, lambda: (Answer(delay_seconds=rng.choice([0.5, 1, 3, 16 * scale])), True))


def _silent(rng: random.Random, scale: float) -> Mood:
    """No answer at all, and half of what was sent was taken."""
    return _mostly(rng, lambda: (Answer(delay_seconds=rng.choice([0, 1]), silent=True), rng.random() < 0.5))


def _mostly(rng: random.Random, trouble: Callable[[], tuple[Answer, bool]]) -> Mood:
    well = none(rng)
    return lambda request: trouble() if rng.random() < SHARE else well(request)


TROUBLES: dict[str, Callable[[random.Random, float], Mood]] = {
    "HTTP 500": _failing,
    "429 and a wait": _rate_limited,
    "slow": _slow,
    "silent": _silent,
}
