"""What customers do, one thing at a time, and what they were promised for it."""

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from accepted import Accepted, Lane
from client import Client
from machine import OPERATOR_KEY
from vendors import tag

from nightshift.channels import CHANNELS

SECRET = "secretmarker"  # in every credential
TEXT = "customertextmarker"  # in every text of a customer
MAIL = "mailbodymarker"  # in every reason of a handoff
REPEAT_SECONDS = 300.0  # then a customer gives up, and the run has failed
WORDS = "order parcel refund invoice battery charger manual warranty return delivery account password".split()


class Customers:
    """Each act sends one thing, again and again with the same Idempotency-Key until it has an answer that is no trouble
    of the server's, and notes the promise."""

    def __init__(self, clients: list[Client]) -> None:
        self.clients, self.accepted = clients, Accepted()
        self._lock, self._number = threading.Lock(), 0

    def document(self, rng: random.Random) -> None:
        number, count, workspace = self._next(), rng.choice([1, 1, 2, 6]), rng.randrange(len(self.clients))
        client = self.clients[workspace]
        text = "\n\n".join(_paragraph(rng, tag("d", number, part), 900) for part in range(1, count + 1))
        source = {"type": "text", "title": f"{number}", "text": text}
        answer = self._ask(client, "POST", f"/v1/agents/{client.agent_id}/knowledge", number, json=source)
        _expect(answer, 202, 200)
        self.accepted.documents[number] = answer.json()["id"], count, workspace

    def change_of_mind(self, rng: random.Random) -> None:
        """A document is to be ingested again, or removed, mostly in the middle of being ingested."""
        number = rng.choice([n for n in list(self.accepted.documents)[-12:] if n not in self.accepted.removed])
        doc_id, _, workspace = self.accepted.documents[number]
        if rng.random() < 0.6:
            path = f"/v1/knowledge/{doc_id}/reingest"
            _expect(self._ask(self.clients[workspace], "POST", path, self._next()), 202)
            self.accepted.reingests[doc_id] += 1
        else:
            self.accepted.removed[number] = doc_id
            _expect(self._ask(self.clients[workspace], "DELETE", f"/v1/knowledge/{doc_id}", number), 204, 404)

    def message(self, rng: random.Random, lane: Lane) -> None:
        number, client, count = self._next(), self.clients[lane.workspace], rng.choice([1, 1, 1, 3])
        length = 80 if count == 1 else int(CHANNELS[lane.channel].limit.max * 0.6)
        content = "\n\n".join(_paragraph(rng, tag("m", number, part), length) for part in range(1, count + 1))
        body = {"channelType": lane.channel, "customerId": lane.customer, "content": content}
        answer = self._ask(client, "POST", f"/v1/agents/{client.agent_id}/messages", number, json=body)
        _expect(answer, 201)
        self.accepted.messages[number] = answer.json()["id"], lane, count

    def handoff(self, rng: random.Random) -> None:
        number, workspace = self._next(), rng.randrange(len(self.clients))
        client = self.clients[workspace]
        body = {"customerId": "c", "channelType": "LINE", "reason": f"{MAIL} {tag('h', number)}"}
        answer = self._ask(client, "POST", f"/v1/agents/{client.agent_id}/handoffs", number, json=body)
        _expect(answer, 201)
        self.accepted.handoffs[number] = answer.json()["id"], workspace

    def invoice(self, rng: random.Random) -> None:
        number, client = self._next(), rng.choice(self.clients)
        body = {"number": tag("h", number), "amountDue": 12.5, "currency": "EUR", "url": "https://example.com/"}
        path = f"/v1/workspaces/{client.workspace_id}/invoices"
        answer = self._ask(client, "POST", path, number, json=body, key=OPERATOR_KEY)
        _expect(answer, 201)
        self.accepted.invoices[number] = answer.json()["id"]

    def usage(self, rng: random.Random) -> None:
        number, client, amount = self._next(), rng.choice(self.clients), rng.randint(1, 9)
        answer = self._ask(client, "POST", "/v1/credits/usage", number, json={"amount": amount, "reason": "answers"})
        _expect(answer, 200, 409)
        if answer.status_code == 200:
            self.accepted.usages[number] = amount, client.workspace_id

    def inbound(self, rng: random.Random) -> None:
        number, workspace = self._next(), rng.randrange(len(self.clients))
        client = self.clients[workspace]
        at = f"{datetime.now(UTC) - timedelta(days=rng.choice([0, 0, 1, 2, 5])):%Y-%m-%dT%H:%M:%SZ}"
        body = {"channelType": "LINE", "customerId": f"c{number % 5}", "content": TEXT, "at": at}
        answer = self._ask(client, "POST", f"/v1/agents/{client.agent_id}/inbound", number, json=body)
        _expect(answer, 201)
        self.accepted.inbound[number] = answer.json()["id"], workspace

    def _next(self) -> int:
        with self._lock:
            self._number += 1
            return self._number

    def _ask(self, client: Client, method: str, path: str, number: int, **options: Any) -> requests.Response:
        end = time.monotonic() + REPEAT_SECONDS
        while time.monotonic() < end:
            self.accepted.asked += 1
            try:
                answer = client(method, path, headers={"Idempotency-Key": key_of(number)}, **options)
                if answer.status_code < 500:
                    return answer
            except requests.RequestException:
                pass
            self.accepted.repeated += 1
            time.sleep(0.3)
        raise AssertionError(f"no answer to {method} {path} ({number}) within {REPEAT_SECONDS} s")


def key_of(number: int) -> str:
    """The Idempotency-Key of whatever bears this number."""
    return f"chaos-{number}"


def _paragraph(rng: random.Random, name: str, length: int) -> str:
    """About `length` characters of ASCII, without a line break."""
    text = f"{name} {TEXT} "
    while len(text) < length:
        text += f"{rng.choice(WORDS)} "
    return text.strip()


def _expect(answer: requests.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
