"""A steady, mixed load over HTTP: threads, each with a random generator of its own."""

import random
import threading
import traceback
from collections.abc import Callable
from itertools import product

from client import Client
from customers import SECRET, Customers
from evidence import Accepted, Lane
from machine import OPERATOR_KEY
from reporters import Reporters
from vendors import Vendors

from nightshift.channels import CHANNELS

WORKSPACES, CUSTOMERS, MESSAGE_THREADS = 2, 2, 4
PAUSE_SECONDS = (0.05, 0.6)  # between two requests of a thread
CREDENTIALS = {
    "WHATSAPP": {"accessToken": SECRET, "phoneNumberId": "{workspace}", "appSecret": SECRET},
    "TELEGRAM": {"botToken": f"123:{SECRET}"},
    "MESSENGER": {"pageAccessToken": SECRET},
    "INSTAGRAM": {"accessToken": SECRET},
    "SLACK": {"botToken": SECRET},
    "TWILIO": {"accountSid": "AC1", "authToken": SECRET, "from": "+15005550006"},
    "LINE": {"channelAccessToken": SECRET},
    "DISCORD": {"botToken": SECRET},
    "WEBHOOK": {"url": "{vendors}/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
}
Action = Callable[[random.Random], None]


class Load:
    """`accepted`: what the API has accepted. `failures`: errors that no customer may see."""

    def __init__(self, base_url: str, vendors: Vendors, seed: int) -> None:
        clients = [
            Client.of_new_workspace(base_url, OPERATOR_KEY, monthlyGrant=3000, lowThreshold=5800)
            for _ in range(WORKSPACES)
        ]
        hooks: dict[str, str] = {}
        for client, channel in product(clients, CHANNELS):
            names = dict(vendors=vendors.url, workspace=client.workspace_id)
            named = {field: value.format(**names) for field, value in CREDENTIALS[channel].items()}
            answer = client("PUT", f"/v1/channels/{channel}", json={"credentials": named})
            assert answer.status_code in (200, 204), answer.text
            if channel == "WHATSAPP":
                hooks[client.workspace_id] = answer.json()["hookUrl"]
        self.reporters = Reporters(vendors, hooks, random.Random(f"{seed} reports"))
        self.failures: list[str] = []
        self._customers, self._stop = Customers(clients), threading.Event()
        generators = [random.Random(f"{seed} {position}") for position in range(100)]
        self._threads = [
            threading.Thread(target=self._run, args=pair, daemon=True)
            for pair in zip(self._actions(), generators, strict=False)
        ]

    @property
    def accepted(self) -> Accepted:
        return self._customers.accepted

    @property
    def clients(self) -> list[Client]:
        return self._customers.clients

    def start(self) -> None:
        self.reporters.start()
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """No new requests; `alive` until those that were begun are answered, and what vendors took is reported."""
        self._stop.set()

    def alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads) or self.reporters.busy()

    def _actions(self) -> list[Action]:
        customers = self._customers
        messages = [self._message(number) for number in range(MESSAGE_THREADS)]
        return [self._document, *messages, customers.handoff, customers.invoice, customers.usage, customers.inbound]

    def _document(self, rng: random.Random) -> None:
        self._customers.document(rng)
        if rng.random() < 0.15:
            self._customers.reingest_or_remove(rng)

    def _message(self, thread: int) -> Action:
        """Each lane belongs to one thread, so that its messages have an order."""
        names = [f"customer{number}" for number in range(CUSTOMERS)]
        lanes = [Lane(*each) for each in product(range(WORKSPACES), sorted(CHANNELS), names)][thread::MESSAGE_THREADS]
        return lambda rng: self._customers.message(rng, rng.choice(lanes))

    def _run(self, act: Action, rng: random.Random) -> None:
        try:
            while not self._stop.is_set():
                act(rng)
                self._stop.wait(rng.uniform(*PAUSE_SECONDS))
        except Exception:
            self.failures.append(traceback.format_exc(limit=4))
