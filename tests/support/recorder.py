"""An HTTP server on loopback that plays the vendors, records each request and answers as a test tells it to."""

import base64
import gzip
import hashlib
import json
import math
import re
import struct
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What to say once: a status with a body, after a delay; embeddings are as OpenAI's, less `short` of them."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] | None = None
    delay_seconds: float = 0.0
    short: int = 0
    dimensions: int = 1536
    silent: bool = False  # take the request and break off
    when: threading.Event | None = None  # say nothing before this is set


class Recorder:
    """`script(marker, answers)`: the next requests whose body holds `marker` get these answers, then normal ones."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._scripts: dict[str, list[Answer]] = defaultdict(list)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket.listen(
            200
        )  # with the usual 5, of a crowd that connects at once some try again after seconds
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def script(self, marker: str, *answers: Answer) -> None:
        with self._lock:
            self._scripts[marker].extend(answers)

    def asked(self, path: str, marker: str = "") -> list[Request]:
        with self._lock:
            return [r for r in self.requests if path in r.path and marker.encode() in r.body]

    def count(self) -> int:
        """How many requests there were: a number no two answers share."""
        with self._lock:
            return len(self.requests)

    def embedded(self, marker: str) -> list[str]:
        """Every text holding `marker` that was sent to be embedded and was answered with a vector."""
        return [t for r in self.asked("/embeddings", marker) for t in r.json["input"] if marker in t]

    def _next(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            for marker, answers in self._scripts.items():
                if answers and marker.encode() in request.body:
                    return answers.pop(0)
        return Answer()

    def _handler(recorder: "Recorder") -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, body, time.time())
                answer = recorder._next(request)
                time.sleep(answer.delay_seconds)
                if answer.when:
                    answer.when.wait(90)  # bounds a hang
                if answer.body is None and "/embeddings" in self.path and answer.status == 200:
                    answer.body = _embeddings(request.json, answer)
                if answer.body is None and answer.status == 200:
                    answer.body = _accepted(request, recorder.count())
                payload = json.dumps(answer.body).encode() if answer.body is not None else b"{}"
                if answer.silent:
                    self.close_connection = True
                    return
                try:
                    self.send_response(answer.status)
                    for name, value in {"Content-Type": "application/json", **(answer.headers or {})}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(payload)))
                    self.end_headers()
                    self.wfile.write(payload)
                except OSError:
                    self.close_connection = True  # the caller was killed, as some tests want it

            do_GET = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


def _accepted(request: Request, number: int) -> Any:
    """What each vendor says to a message it takes, by the path it is known under here."""
    vendor = request.path.split("/")[1]
    name = f"{vendor}-{number}"
    return {
        "whatsapp": {"messages": [{"id": name}]},
        "telegram": {"ok": True, "result": {"message_id": number}},
        "messenger": {"recipient_id": "1", "message_id": name},
        "instagram": {"recipient_id": "1", "message_id": name},
        "slack": {"ok": True, "ts": name},
        "twilio": {"sid": name},
        "line": {"sentMessages": [{"id": name}]},
        "discord": {"id": name},
        "resend": {"id": resend_id(request.headers.get("idempotency-key", ""))},
    }.get(vendor, {})


def _embeddings(request: Any, answer: Answer) -> Any:
    """As the documentation has it: one object an input, in any order, base64 where asked for."""
    data = []
    for index, text in enumerate(request["input"][: len(request["input"]) - answer.short]):
        vector = bag_of_words(text, answer.dimensions)
        packed: Any = vector
        if request.get("encoding_format") == "base64":
            packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": packed})
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "model": request["model"], "data": data[::-1], "usage": usage}


def resend_id(key: str) -> str:
    """As Resend's: the same for the same Idempotency-Key."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def bag_of_words(text: str, dimensions: int) -> list[float]:
    """A unit vector in which texts that share words are near each other."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()):
        vector[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % dimensions] += 1.0
    norm = math.sqrt(sum(v * v for v in vector)) or 1.0
    return [v / norm for v in vector]
