"""Plays a vendor on this machine: prints each request and accepts it. `make recorder`.

Point a channel here (`TELEGRAM_BASE_URL=http://127.0.0.1:3010 make run`) and nothing that it sends leaves the machine.
"""

import json
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

numbers = count(1)


def accepted(number: int) -> dict[str, object]:
    """A response in which every vendor's adapter finds the id of the accepted message."""
    name = f"recorded-{number}"
    names = dict.fromkeys(("message_id", "ts", "sid", "id"), name)
    lists = [{"id": name}]
    return {"ok": True, "result": {"message_id": number}, **names, "messages": lists, "sentMessages": lists}


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        print(f"{self.command} {self.path}")
        for name, value in self.headers.items():
            print(f"  {name}: {value}")
        print(f"  {body}\n", flush=True)
        payload = json.dumps(accepted(next(numbers))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """The request is printed above."""


def main(port: int) -> None:
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Recorder)
    except OSError as error:
        sys.exit(f"RECORDER_PORT {port} cannot be used ({error.strerror}). Choose another one.")
    print(f"Recording at http://127.0.0.1:{port}. Ctrl-C stops it.", flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    port = sys.argv[1]
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        sys.exit("RECORDER_PORT must be an integer from 1 to 65535.")
    main(int(port))
