"""What a request may say beside its body, for the description of the API."""

from web import emails, knowledge, messages

TEXT = {"type": "string"}
ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}}
CURSOR = {"name": "cursor", "in": "query", "schema": TEXT, "description": "`nextCursor` of the page before"}
STATUS = {"name": "status", "in": "query", "schema": {"enum": list(knowledge.STATUSES)}}
MESSAGE_STATUS = {"name": "status", "in": "query", "schema": {"enum": list(messages.messages.STATUSES)}}
EMAIL_STATUS = {"name": "status", "in": "query", "schema": {"enum": list(emails.STATUSES)}}
QUESTION = {
    "name": "q",
    "in": "query",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 2000},
}
PASSAGES = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 50, "default": 10}}
SINCE = {"name": "Last-Event-ID", "in": "header", "schema": TEXT, "description": "Resume after this event"}
ONCE = {
    "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same key with the same body gives the first answer again",
}  # fmt: skip
FROM, TO = (
    {"name": name, "in": "query", "required": True, "schema": {"type": "string", "format": "date"},
     "description": f"The {which} day (UTC), included; 400 days at most"}
    for name, which in (("from", "first"), ("to", "last"))
)  # fmt: skip
UPLOAD = {
    "type": "object", "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}, "title": TEXT},
}  # fmt: skip
