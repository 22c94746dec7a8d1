"""Vendors report what became of each copy that they took: at a random moment, twice, out of order, until it is heard."""

import heapq
import random
import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from urllib.parse import parse_qs

import requests
from customers import SECRET
from recorder import Request
from reporting import meta_says, twilio_says, whatsapp
from vendors import Delivery, Vendors

FAILING = 0.06  # of the copies do not arrive, and the vendor says that it was busy
LATEST_SECONDS = 4.0
Say = Callable[[str, int], requests.Response]


class Reporters:
    """`failed`: the copies that did not arrive. `hooks`: of WhatsApp, by the id of the phone number."""

    def __init__(self, vendors: Vendors, hooks: Mapping[str, str], rng: random.Random) -> None:
        self.failed: set[Delivery] = set()
        self._vendors, self._hooks, self._rng = vendors, hooks, rng
        self._seen, self._numbers = 0, count()
        self._due: list[tuple[float, int, Say, str, int]] = []

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def busy(self) -> bool:
        return bool(self._due) or self._seen < len(self._vendors.taken)

    def _run(self) -> None:
        while True:
            while self._seen < len(self._vendors.taken):
                self._plan(*self._vendors.taken[self._seen])
                self._seen += 1
            if self._due and self._due[0][0] <= time.monotonic():
                self._report()
            else:
                time.sleep(0.02)

    def _plan(self, request: Request, delivery: Delivery, answer: dict[str, object]) -> None:
        say = self._voice(request, answer)
        if say is None:
            return
        fails = self._rng.random() < FAILING
        if fails:
            self.failed.add(delivery)
        for state in ["sent", "failed"] if fails else ["sent", "delivered", "delivered"]:
            at = time.monotonic() + self._rng.uniform(0, LATEST_SECONDS)
            heapq.heappush(self._due, (at, next(self._numbers), say, state, 131000 if fails else 0))

    def _voice(self, request: Request, answer: dict[str, object]) -> Say | None:
        """How its vendor reports this copy; None for one that does not."""
        if request.path.startswith("/whatsapp/"):
            said, hook = request.json, self._hooks[request.path.split("/")[2]]
            name = str(dict(answer["messages"][0])["id"])  # type: ignore[index]
            key = said["biz_opaque_callback_data"]
            return lambda state, code: meta_says(hook, whatsapp(name, state, key, code * (state == "failed")), SECRET)
        if request.path.startswith("/twilio/"):
            url, sid = parse_qs(request.body.decode())["StatusCallback"][0], str(answer["sid"])
            return lambda state, code: twilio_says(url, sid, state, 30001 * (state == "failed"), SECRET)
        return None

    def _report(self) -> None:
        """The first that is due; it stays due until the API answers well."""
        _, number, say, state, code = self._due[0]
        try:
            heard = say(state, code).status_code == 200
        except requests.RequestException:
            heard = False
        if heard:
            heapq.heappop(self._due)
        else:
            heapq.heapreplace(self._due, (time.monotonic() + 0.5, number, say, state, code))
