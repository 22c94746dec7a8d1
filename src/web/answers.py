"""What the routes answer, as JSON Schema."""

from typing import Any

from nightshift.channels import CHANNELS, messages

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
TIME = {"type": "string", "format": "date-time"}


def _maybe(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(name: str) -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
    return _object(items=items, nextCursor=_maybe(TEXT))


LOCATOR = _object(
    page=_maybe(COUNT), headings={"type": "array", "items": TEXT}, start=COUNT, end=COUNT
)  # characters of the document's text

SCHEMAS: dict[str, dict[str, Any]] = {
    "Document": _object(
        id=TEXT, agentId=TEXT, type={"enum": ["text", "qa", "file", "url"]}, title=TEXT,
        status={"enum": ["PENDING", "PROCESSING", "READY", "ERROR"]}, chunkCount=COUNT, errorMsg=_maybe(TEXT),
        progress=_object(stage=_maybe({"enum": ["extract", "embed", "store"]}), done=COUNT, total=COUNT),
        attempts=COUNT, retryAt=_maybe(TIME), createdAt=TIME, updatedAt=TIME,
    ),
    "Chunk": _object(chunkIdx=COUNT, content=TEXT, model=TEXT, locator=LOCATOR),
    "Passage": _object(docId=TEXT, title=TEXT, chunkIdx=COUNT, content=TEXT, similarity={"type": "number"}, locator=LOCATOR),
    "Channel": _object(type={"enum": list(CHANNELS)}, state={"enum": ["ACTIVE", "REFUSED"]}, updatedAt=TIME),
    "Message": _object(
        id=TEXT, agentId=TEXT, status={"enum": list(messages.STATUSES)}, channelType={"enum": list(CHANNELS)},
        customerId=TEXT, content=TEXT, providerIds={"type": "array", "items": TEXT},
        attempts={"type": "array", "items": _object(
            at=TIME, outcome={"enum": ["sent", "failed", "unknown"]}, httpStatus=_maybe(COUNT), error=_maybe(TEXT))},
        nextAttemptAt=_maybe(TIME), error=_maybe(TEXT), createdAt=TIME,
    ),
    "Agent": _object(id=TEXT, name=TEXT, createdAt=TIME),
    "Key": _object(id=TEXT, createdAt=TIME),
    "NewKey": _object(id=TEXT, apiKey=TEXT, createdAt=TIME),
    "NewWorkspace": _object(id=TEXT, name=TEXT, apiKey=TEXT, agentId=TEXT),
    "Workspace": _object(id=TEXT, name=TEXT, notifyEmail=TEXT, monthlyGrant=COUNT, lowThreshold=COUNT),
    "Email": _object(
        id=TEXT, kind={"enum": ["low_credit", "handoff", "invoice"]}, to=TEXT, subject=TEXT,
        status={"enum": ["PENDING", "SENT", "FAILED"]}, error=_maybe(TEXT), providerId=_maybe(TEXT), attempts=COUNT,
        nextAttemptAt=_maybe(TIME), mayArriveTwice={
            "type": "boolean", "description": "Sent anew though an earlier try, more than 24 hours before, may have arrived"
        }, createdAt=TIME, sentAt=_maybe(TIME),
    ),
    "Emails": _list("Email"),
    "Invoice": _object(
        id=TEXT, number=TEXT, amountDue={"type": "number", "minimum": 0, "description": "Of the currency's main unit"},
        currency=TEXT, url=TEXT, createdAt=TIME,
    ),
    "Health": _object(status=TEXT),
    "Problem": {
        **_object(type=TEXT, title=TEXT, status={"type": "integer"}, detail=TEXT),
        "description": "`errors` names each field of a 422",
    },
    "Documents": _list("Document"),
    "Chunks": _list("Chunk"),
    "Channels": _list("Channel"),
    "Messages": _list("Message"),
    "Agents": _list("Agent"),
    "Keys": _list("Key"),
    "Passages": _object(items={"type": "array", "items": {"$ref": "#/components/schemas/Passage"}}),
}  # fmt: skip
SCHEMAS |= {
    "Credits": _object(balance=COUNT, monthlyGrant=COUNT, lowThreshold=COUNT),
    "NotEnoughCredits": _object(type=TEXT, title=TEXT, status={"type": "integer"}, detail=TEXT, balance=COUNT),
    "LedgerEntry": _object(
        id=TEXT, kind={"enum": ["grant", "usage"]}, amount={"type": "integer"}, reason=TEXT, month=_maybe(TEXT), createdAt=TIME
    ),
    "LedgerEntries": _list("LedgerEntry"),
    "InboundMessage": _object(id=TEXT, agentId=TEXT, channelType=TEXT, customerId=TEXT, content=TEXT, at=TIME),
    "Handoff": _object(id=TEXT, agentId=TEXT, channelType=TEXT, customerId=TEXT, reason=TEXT, createdAt=TIME),
    "Day": _object(
        day={"type": "string", "format": "date"}, conversations=COUNT, messagesIn=COUNT, messagesOut=COUNT,
        messagesFailed=COUNT, handoffs=COUNT, creditsUsed=COUNT, docsReady=COUNT,
    ),
    "Days": _object(items={"type": "array", "items": {"$ref": "#/components/schemas/Day"}}),
}  # fmt: skip
SCHEMAS["Problem"]["properties"]["errors"] = {"type": "array", "items": _object(field=TEXT, message=TEXT)}
