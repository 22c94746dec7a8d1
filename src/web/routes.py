"""The routes, for people and tools to read. A test holds them against the application: none without its entry, none beside."""

from dataclasses import dataclass, field
from typing import Any

from web import analytics, channels, credits, invoices, knowledge, messages, workspaces
from web.parameters import (  # fmt: skip
    CURSOR,
    EMAIL_STATUS,
    FROM,
    LIMIT,
    MESSAGE_STATUS,
    PASSAGES,
    QUESTION,
    SINCE,
    STATUS,
    TO,
)


@dataclass(frozen=True)
class Route:
    """One operation. `answers`: status to the name of its schema ('' for none)."""

    method: str
    path: str
    summary: str
    answers: dict[int, str]
    body: Any = None
    upload: bool = False
    parameters: list[dict[str, Any]] = field(default_factory=list)
    access: str = "workspace"  # or operator, public
    media: str = "application/json"
    also: tuple[int, ...] = ()  # refusals of its own


ROUTES = [
    Route("post", "/v1/agents/{agent_id}/knowledge", "Hand in a document: text, an address, question and answer, or a file",
          {202: "Document", 200: "Document"}, body=knowledge.JsonSource, upload=True),
    Route("get", "/v1/agents/{agent_id}/knowledge", "An agent's documents, newest first", {200: "Documents"},
          parameters=[STATUS, LIMIT, CURSOR]),
    Route("get", "/v1/agents/{agent_id}/knowledge/search", "The passages that answer a question best",
          {200: "Passages"}, parameters=[QUESTION, PASSAGES], also=(502,)),
    Route("get", "/v1/knowledge/{doc_id}", "One document and how far it is", {200: "Document"}),
    Route("get", "/v1/knowledge/{doc_id}/chunks", "Its chunks in reading order", {200: "Chunks"},
          parameters=[LIMIT, CURSOR]),
    Route("post", "/v1/knowledge/{doc_id}/reingest", "Ingest it again; its old chunks stay until the new ones are in",
          {202: "Document"}),
    Route("delete", "/v1/knowledge/{doc_id}", "Delete it and its chunks", {204: ""}),
    Route("put", "/v1/channels/{channel_type}", "Put a channel's credentials; they never come out again", {204: ""},
          body=channels.Credentials),
    Route("get", "/v1/channels", "The channels that have credentials", {200: "Channels"}),
    Route("delete", "/v1/channels/{channel_type}", "Forget a channel's credentials", {204: ""}),
    Route("post", "/v1/agents/{agent_id}/messages", "Send a message to a customer: tried at once, then until it arrives",
          {201: "Message"}, body=messages.NewMessage),
    Route("get", "/v1/agents/{agent_id}/messages", "An agent's messages, newest first", {200: "Messages"},
          parameters=[MESSAGE_STATUS, LIMIT, CURSOR]),
    Route("get", "/v1/messages/{message_id}", "One message and every try of it", {200: "Message"}),
    Route("post", "/v1/messages/{message_id}/retry", "Send a FAILED message again, with all attempts", {202: "Message"},
          also=(409,)),
    Route("get", "/v1/events", "What happens in the workspace, as server-sent events", {200: ""}, parameters=[SINCE],
          media="text/event-stream"),
    Route("post", "/v1/agents", "Make an agent", {201: "Agent"}, body=workspaces.NewAgent),
    Route("get", "/v1/agents", "The workspace's agents", {200: "Agents"}, parameters=[LIMIT, CURSOR]),
    Route("post", "/v1/keys", "Make a second key, shown this once", {201: "NewKey"}),
    Route("get", "/v1/keys", "The workspace's keys, without their secrets", {200: "Keys"}, parameters=[LIMIT, CURSOR]),
    Route("delete", "/v1/keys/{key_id}", "Stop accepting a key (not the last one: 409)", {204: ""},
          also=(409,)),
    Route("post", "/v1/workspaces", "Make a workspace, its first agent and its first key", {201: "NewWorkspace"},
          body=workspaces.NewWorkspace, access="operator"),
    Route("patch", "/v1/workspaces/{workspace_id}", "Change a workspace", {200: "Workspace"},
          body=workspaces.WorkspaceChange, access="operator"),
    Route("get", "/v1/credits", "How many credits there are", {200: "Credits"}),
    Route("post", "/v1/credits/usage", "Use credits; the Idempotency-Key is required, and charged once",
          {200: "Credits", 409: "NotEnoughCredits"}, body=credits.NewUsage),
    Route("get", "/v1/credits/ledger", "What changed the balance, newest first", {200: "LedgerEntries"},
          parameters=[LIMIT, CURSOR]),
    Route("post", "/v1/agents/{agent_id}/inbound", "Note a customer's message; a late one is counted on its own day",
          {201: "InboundMessage"}, body=analytics.NewInbound),
    Route("post", "/v1/agents/{agent_id}/handoffs", "Hand a conversation to a person, who gets an e-mail",
          {201: "Handoff"}, body=analytics.NewHandoff),
    Route("get", "/v1/analytics/daily", "Each day's figures", {200: "Days"}, parameters=[FROM, TO]),
    Route("get", "/v1/emails", "The workspace's mail, newest first", {200: "Emails"},
          parameters=[EMAIL_STATUS, LIMIT, CURSOR]),
    Route("post", "/v1/emails/{email_id}/retry",
          "Send a FAILED mail again (else 409); anew, by mayArriveTwice, where a try more than 24 hours ago may have arrived",
          {202: "Email"}, also=(409,)),
    Route("post", "/v1/workspaces/{workspace_id}/invoices",
          "Announce an invoice by mail; the same number again gives the first one's values and no second mail",
          {201: "Invoice", 200: "Invoice"}, body=invoices.NewInvoice, access="operator"),
    Route("get", "/healthz", "Alive?", {200: "Health"}, access="public"),
    Route("get", "/readyz", "Is every part there?", {200: "Health", 503: "Health"}, access="public"),
    Route("get", "/metrics", "For Prometheus", {200: ""}, access="public", media="text/plain", also=(503,)),
]  # fmt: skip
