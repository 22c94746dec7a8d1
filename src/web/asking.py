"""What a request says: its JSON body as a model, its page of a list, whose agent it names."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from flask import g, request
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, TypeAdapter
from pydantic.alias_generators import to_camel
from sqlalchemy.orm import Session

from nightshift.db.models import Agent
from nightshift.knowledge.text import clean
from web.problems import Problem, invalid, not_found

T = TypeVar("T")


def tidy(value: Any) -> Any:
    """One clean line of a string; anything else as it is, for the model to refuse."""
    return " ".join(clean(value).split()) if isinstance(value, str) else value


def _readable(value: Any) -> Any:
    if value == "":
        raise ValueError("must not be empty")
    return clean(value) if isinstance(value, str) else value


Line = Annotated[str, BeforeValidator(tidy), StringConstraints(min_length=1, max_length=500)]
Prose = Annotated[str, BeforeValidator(_readable)]


class Body(BaseModel):
    """A request's body: camelCase outside, no unknown field."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", serialize_by_alias=True)


def body(model: Any) -> Any:
    """The request's JSON body as `model` (a class or a union of them). Raises 400, 415 and 422."""
    if not request.is_json:
        raise Problem(415, "Send JSON, with the header Content-Type: application/json.")
    try:
        value = request.get_json()
    except RecursionError:
        raise Problem(400, "This JSON is nested too deeply.") from None
    if not isinstance(value, dict):
        raise invalid("body", "must be a JSON object")
    return TypeAdapter(model).validate_python(value)


def found(thing: T | None) -> T:
    """Raises 404 where there is none."""
    if thing is None:
        raise not_found()
    return thing


def own_agent(session: Session, agent_id: str) -> Agent:
    """The caller's agent. Raises 404."""
    agent = session.get(Agent, agent_id)
    if agent is None or agent.workspace_id != g.workspace_id:
        raise not_found()
    return agent


def limit(default: int = 50, most: int = 200) -> int:
    """?limit= of a list. Raises 422."""
    text = request.args.get("limit", str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise invalid("limit", f"must be a whole number from 1 to {most}")
    return int(text)


def status(choices: Sequence[str]) -> str | None:
    """?status= of a list. Raises 422."""
    asked = request.args.get("status")
    if asked is not None and asked not in choices:
        raise invalid("status", f"must be one of {', '.join(choices)}")
    return asked


def cursor() -> str | None:
    """?cursor= of a list, decoded. Raises 422."""
    text = request.args.get("cursor")
    if text is None:
        return None
    try:
        last = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        last = ""
    if not last.isprintable() or not last:
        raise invalid("cursor", "is not one that a list has given")
    return last


def page(items: list[dict[str, Any]], size: int, by: str = "id") -> dict[str, Any]:
    """A list's answer; the cursor of the next page stands for the last item's `by`."""
    following = base64.urlsafe_b64encode(str(items[-1][by]).encode()).decode() if len(items) == size else None
    return {"items": items, "nextCursor": following}


def time(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    return (
        moment if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
