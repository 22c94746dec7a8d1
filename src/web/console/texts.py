"""Numbers and times as people read them. console.js keeps the times true while a page is open, in the same words."""

import re
import secrets
from datetime import UTC, datetime

from nightshift import clock
from nightshift.channels import CHANNELS
from web.error_responses import Problem

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def ago(moment: datetime) -> str:
    """ "3 min ago", "in 8 s"; the date where it is more than a week away."""
    seconds = round((clock.now() - moment).total_seconds())
    if abs(seconds) > 7 * 86_400:
        return f"{moment.astimezone(UTC):%b %-d, %Y}"
    if -1 <= seconds < 5:
        return "just now"
    size, name = next(unit for unit in UNITS if abs(seconds) >= unit[0])
    return f"{seconds // size} {name} ago" if seconds > 0 else f"in {-seconds // size} {name}"


def exact(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def seconds(number: float) -> str:
    """A duration: "40 ms", "1.2 s", "3 min", "2.5 h"."""
    if number < 1:
        return f"{round(number * 1000)} ms"
    if number < 100:
        return f"{number:.2g} s"
    return f"{number / 60:.0f} min" if number < 6000 else f"{number / 3600:.1f} h"


def count(number: int) -> str:
    return f"{number:,}"


def once() -> str:
    """A key that makes a form take effect once, however often it is sent."""
    return secrets.token_urlsafe(16)


def vendor(channel_type: str) -> str:
    """The name of a channel where no sentence is around it: "WhatsApp", "Webhook"."""
    name = CHANNELS[channel_type].name.removeprefix("The ")
    return name[0].upper() + name[1:]


def field_name(name: str) -> str:
    """ "Phone number ID" for phoneNumberId."""
    words = re.sub(r"(?<!^)([A-Z])", r" \1", name).lower().split()
    shown = " ".join(word.upper() if word in ("id", "sid", "url") else word for word in words)
    return shown[0].upper() + shown[1:]


def faults(problem: Problem, **labels: str) -> tuple[str, ...]:
    """What is wrong with a form, a sentence a field. `labels`: what the page calls the API's fields."""
    errors = problem.members.get("errors", [])
    said = tuple(f"{labels.get(error['field'], error['field'])}: {error['message']}" for error in errors)
    return said or (problem.members["detail"],)


def vendors() -> list[tuple[str, str]]:
    """The type and the vendor of each channel."""
    return [(kind, vendor(kind)) for kind in CHANNELS]
