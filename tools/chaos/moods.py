"""How vendors answer on a bad day."""

import random
from collections.abc import Callable

from recorder import Answer, Request
from vendors import Mood

BAD = 0.8  # of the requests; the others are answered well


def unhurried(rng: random.Random) -> Mood:
    """On a good day. An answer takes as long as vendors take, so that what is killed is mostly waiting for one."""
    return lambda request: (Answer(delay_seconds=rng.uniform(0.02, 0.4)), True)


def _failing(rng: random.Random, scale: float) -> Mood:
    return _mostly(rng, lambda: (Answer(500, {}), False))


def _busy(rng: random.Random, scale: float) -> Mood:
    def answer() -> tuple[Answer, bool]:
        return Answer(429, {"name": "rate_limit_exceeded"}, {"Retry-After": str(rng.choice([1, 2, 4]))}), False

    return _mostly(rng, answer)


def _slow(rng: random.Random, scale: float) -> Mood:
    """Some so slow that nobody waits for them any more; they have the message all the same."""
    return _mostly(rng, lambda: (Answer(delay_seconds=rng.choice([0.5, 1, 3, 16 * scale])), True))


def _silent(rng: random.Random, scale: float) -> Mood:
    """No answer at all, and half of what was sent was taken."""
    return _mostly(rng, lambda: (Answer(delay_seconds=rng.choice([0, 1]), silent=True), rng.random() < 0.5))


def _mostly(rng: random.Random, bad: Callable[[], tuple[Answer, bool]]) -> Mood:
    good = unhurried(rng)

    def mood(request: Request) -> tuple[Answer, bool]:
        return bad() if rng.random() < BAD else good(request)

    return mood


MOODS: dict[str, Callable[[random.Random, float], Mood]] = {
    "HTTP 500": _failing,
    "429 and a wait": _busy,
    "slow": _slow,
    "silent": _silent,
}
