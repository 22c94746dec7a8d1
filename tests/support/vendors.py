"""The vendors as they are: those that honour a key drop what they have had, and each remembers what it delivered."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from recorder import Answer, Recorder, Request, _accepted

TAG = re.compile(r"x([a-z])(\d+)p(\d+)x")  # letters and digits only: it survives every encoding


@dataclass(frozen=True)
class Delivery:
    """What a customer got. `key`: by which the vendor would know a second one, None where it honours none."""

    vendor: str
    to: str
    text: str
    key: str | None
    at: float

    def tags(self, kind: str) -> list[tuple[int, int]]:
        """(number, part) of each tag of that kind in the text, each once."""
        found = ((int(number), int(part)) for of, number, part in TAG.findall(self.text) if of == kind)
        return list(dict.fromkeys(found))


def tag(kind: str, number: int, part: int = 1) -> str:
    return f"x{kind}{number}p{part}x"


Reader = Callable[[Mapping[str, Any]], tuple[str, str]]
READERS: dict[str, Reader] = {
    "whatsapp": lambda body: (body["to"], body["text"]["body"]),
    "telegram": lambda body: (body["chat_id"], body["text"]),
    "messenger": lambda body: (body["recipient"]["id"], body["message"]["text"]),
    "instagram": lambda body: (body["recipient"]["id"], body["message"]["text"]),
    "slack": lambda body: (body["channel"], body["text"]),
    "twilio": lambda body: (body["To"][0], body["Body"][0]),
    "line": lambda body: (body["to"], body["messages"][0]["text"]),
    "discord": lambda body: ("", body["content"]),
    "hook": lambda body: (body["data"]["customerId"], body["data"]["content"]),
    "resend": lambda body: (body["to"][0], f"{body['subject']} {body['text']}"),
}
KEYS = {"line": "x-line-retry-key", "hook": "webhook-id", "resend": "idempotency-key"}  # headers


def is_probe(request: Request) -> bool:
    """Whether it tests credentials: it delivers nothing."""
    return request.method == "GET" or request.path.endswith("/auth.test") or b'"type":"ping"' in request.body


def delivery_of(request: Request) -> Delivery | None:
    """What this request would deliver, None for one that delivers nothing (embeddings, Sentry, a test of credentials)."""
    vendor = request.path.split("/")[1]
    if vendor not in READERS or is_probe(request):
        return None
    body = parse_qs(request.body.decode()) if vendor == "twilio" else request.json
    to, text = READERS[vendor](body)
    key = body["nonce"] if vendor == "discord" else request.headers.get(KEYS.get(vendor, ""))
    to = request.path.split("/")[-2] if vendor == "discord" else to
    return Delivery(vendor, str(to), text, key, request.at)


Mood = Callable[[Request], tuple[Answer, bool]]


def well(request: Request) -> tuple[Answer, bool]:
    return Answer(), True


class Vendors(Recorder):
    """`mood`: what is said to a request, and whether it is taken all the same. Scripted answers take nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._server.handle_error = lambda request, address: None  # type: ignore[method-assign] # callers are killed here
        self.deliveries: list[Delivery] = []
        self.taken: list[tuple[Request, Delivery, Any]] = []  # with what was answered, heard or not
        self.mood: Mood = well
        self._known: dict[tuple[str, str], Answer] = {}

    def _next(self, request: Request) -> Answer:
        answer = super()._next(request)
        if answer != Answer() or "/envelope/" in request.path:
            return answer
        answer, takes = self.mood(request)
        delivery = delivery_of(request)
        return self._take(request, delivery, answer) if takes and delivery else answer

    def _take(self, request: Request, delivery: Delivery, answer: Answer) -> Answer:
        place = (delivery.vendor, delivery.key or "")
        with self._lock:
            known = self._known.get(place) if delivery.key else None
            said = known or Answer(body=_accepted(request, len(self.deliveries) + 1))
            if known is None:
                self.deliveries.append(delivery)
                self.taken.append((request, delivery, said.body))
                self._known[place] = said
        answer.body = said.body
        if known and delivery.vendor == "line":
            answer.status = 409
        return answer

    def delivered(self, kind: str) -> dict[tuple[int, int], list[Delivery]]:
        """(number, part): what was delivered of it, in order."""
        found: dict[tuple[int, int], list[Delivery]] = {}
        with self._lock:
            for delivery in self.deliveries:
                for name in delivery.tags(kind):
                    found.setdefault(name, []).append(delivery)
        return found
