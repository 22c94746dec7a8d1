"""A web site on loopback whose pages a test writes and changes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Page:
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """`pages`: path to page; a page with an ETag answers 304 to who knows it. `asked`: (path, headers) of each request."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _handler(site: "Site") -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                page = site.pages.get(self.path, Page(b"nothing here", status=404))
                etag = page.headers.get("ETag")
                known = etag is not None and self.headers.get("If-None-Match") == etag
                self.send_response(304 if known else page.status)
                for name, value in {"Content-Type": page.content_type, **page.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if not known:
                    self.wfile.write(page.body)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@contextmanager
def serving() -> Iterator[Site]:
    site = Site()
    threading.Thread(target=site._server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        site._server.shutdown()
        site._server.server_close()
