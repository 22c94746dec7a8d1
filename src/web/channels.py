"""Channels: put a vendor's credentials, see which there are, remove them. What was put never comes out again."""

from typing import Annotated, Any

from flask import Blueprint, g
from pydantic import WithJsonSchema
from sqlalchemy.orm import Session

from nightshift.channels import CHANNELS, accounts
from nightshift.db.session import transaction
from web import asking
from web.problems import Problem, invalid, not_found
from web.writing import Answer, writes

blueprint = Blueprint("channels", __name__, url_prefix="/v1")
LONGEST_FIELD = 4096
FIELD = {"type": "string", "minLength": 1, "maxLength": LONGEST_FIELD}
KINDS = [
    {"title": channel.type, "type": "object", "properties": dict.fromkeys(channel.fields, FIELD),
     "required": list(channel.fields), "additionalProperties": False}
    for channel in CHANNELS.values()
]  # fmt: skip


class Credentials(asking.Body):
    credentials: Annotated[dict[str, Any], WithJsonSchema({"anyOf": KINDS})]


@blueprint.put("/channels/<channel_type>")
@writes
def put(session: Session, channel_type: str) -> Answer:
    if channel_type not in CHANNELS:
        raise not_found()
    new: Credentials = asking.body(Credentials)
    try:
        accounts.put(session, g.workspace_id, channel_type, _checked(channel_type, new.credentials))
    except ValueError as reason:
        field, _, rest = str(reason).partition(" ")
        raise invalid(f"credentials.{field.rstrip(':')}", rest) from None
    return None, 204


@blueprint.get("/channels")
def listed() -> dict[str, Any]:
    with transaction() as session:
        rows = accounts.listed(session, g.workspace_id)
    items = [{"type": row.type, "state": row.state, "updatedAt": asking.time(row.updated_at)} for row in rows]
    return {"items": items, "nextCursor": None}


@blueprint.delete("/channels/<channel_type>")
@writes
def remove(session: Session, channel_type: str) -> Answer:
    if not accounts.remove(session, g.workspace_id, channel_type):
        raise not_found()
    return None, 204


def _checked(channel_type: str, given: dict[str, Any]) -> dict[str, str]:
    """Exactly this channel's fields, each a text. Raises 422, naming every field that is wrong."""
    fields = CHANNELS[channel_type].fields
    wrong = {name: "is not a credential of this channel" for name in given if name not in fields}
    wrong |= {name: "is missing" for name in fields if name not in given}
    for name in fields:
        if name in given and not (isinstance(given[name], str) and 1 <= len(given[name].strip()) <= LONGEST_FIELD):
            wrong[name] = f"must be a text of 1 to {LONGEST_FIELD} characters"
    if wrong:
        errors = [{"field": f"credentials.{name}", "message": message} for name, message in wrong.items()]
        raise Problem(422, f"Not valid: {', '.join(e['field'] for e in errors)}.", errors)
    return {name: value.strip() for name, value in given.items()}
