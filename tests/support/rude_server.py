"""An HTTP server on loopback that misbehaves: it drips, floods, lies and redirects."""

import gzip
import itertools
import socketserver
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

DRIP_SECONDS = 0.05
DRIPS = 500  # 25 s: longer than any deadline in the tests
OK = b"HTTP/1.1 200 OK\r\n"


class RudeServer:
    """Serves from construction to `stop`, over TLS with a context. `heads` are the requests as they came, lines and all."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.stopping = threading.Event()
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket.listen(200)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(rude) -> type[socketserver.StreamRequestHandler]:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    first = self.rfile.peek(1)[:1]  # type: ignore[attr-defined]
                    pieces = _tls() if first == b"\x16" else rude._respond(self.rfile)
                    for piece in pieces:
                        if rude.stopping.is_set():
                            return
                        self.wfile.write(piece)
                except OSError:
                    pass  # the caller closed the connection, as it should

        return Handler

    def _respond(self, file: Any) -> Iterator[bytes]:
        head = "".join(iter(lambda: file.readline().decode("latin-1"), "\r\n"))
        length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")), 0)
        kind, _, rest = head.split(" ")[1][1:].partition("/")
        self.heads.append(head)
        self.bodies.append(file.read(length) if kind != "deaf" else b"")
        if kind == "deaf":  # takes what is sent in sips
            for _ in range(0, length, 65536):
                time.sleep(DRIP_SECONDS)
                if not file.read(65536):
                    break
            kind = "page"
        return getattr(self, f"_{kind}")(rest)

    def _page(self, _rest: str) -> Iterator[bytes]:
        body = gzip.compress(b"hello")
        yield OK + b'ETag: W/"1"\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n' % len(body) + body

    def _chunked(self, _rest: str) -> Iterator[bytes]:
        yield OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    def _status(self, rest: str) -> Iterator[bytes]:
        """/status/503/Retry-After: 7"""
        status, _, header = unquote(rest).partition("/")
        yield f"HTTP/1.1 {status} X\r\n{header or 'X-None: 1'}\r\nContent-Length: 2\r\n\r\nno".encode()

    def _unchanged(self, _rest: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 304 Not Modified\r\n\r\n"

    def _to(self, rest: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % unquote(rest).encode()

    def _hops(self, rest: str) -> Iterator[bytes]:
        return self._to(f"/hops/{int(rest) - 1}") if rest != "0" else self._page("")

    def _loop(self, _rest: str) -> Iterator[bytes]:
        return self._to("/loop/")

    def _silent(self, _rest: str) -> Iterator[bytes]:
        yield from _drip(b"")

    def _headerdrip(self, _rest: str) -> Iterator[bytes]:
        yield OK + b"X-Long: "
        yield from _drip(b"a")

    def _headerlong(self, _rest: str) -> Iterator[bytes]:
        yield OK + b"X-Long: " + b"a" * 70_000 + b"\r\nContent-Length: 2\r\n\r\n{}"

    def _headersmany(self, _rest: str) -> Iterator[bytes]:
        yield OK + b"".join(b"X-%d: 1\r\n" % number for number in range(150)) + b"Content-Length: 2\r\n\r\n{}"

    def _continues(self, _rest: str) -> Iterator[bytes]:
        yield from _drip(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _interim(self, _rest: str) -> Iterator[bytes]:
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>; rel=preload\r\nContent-Length: 9\r\n\r\n"
        yield b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + hints
        yield from self._page("")

    def _bodydrip(self, status: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 %s X\r\nRetry-After: 9\r\n\r\nstart" % (status or "200").encode()
        yield from _drip(b"a")

    def _chunkdrip(self, _rest: str) -> Iterator[bytes]:
        yield OK + b"Transfer-Encoding: chunked\r\n\r\n"
        yield from _drip(b"0")  # the length of a chunk, digit by digit

    def _redirectdrip(self, _rest: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 302 Found\r\nLocation: /page/\r\n\r\n"
        yield from _drip(b"a")

    def _endless(self, _rest: str) -> Iterator[bytes]:
        yield OK + b"\r\n"
        yield from itertools.repeat(b"a" * 65536)

    def _bomb(self, encoding: str) -> Iterator[bytes]:
        yield OK + b"Content-Encoding: %s\r\n\r\n" % encoding.encode()
        pack = zlib.compress if encoding == "deflate" else gzip.compress
        yield from itertools.repeat(pack(bytes(10_000_000)))

    def _cut(self, status: str) -> Iterator[bytes]:
        yield b"HTTP/1.1 %s X\r\nContent-Length: 100\r\n\r\nstart" % (status or "200").encode()

    def _nothing(self, _rest: str) -> Iterator[bytes]:
        yield b""

    def _nonsense(self, _rest: str) -> Iterator[bytes]:
        yield b"220 smtp.example.com ESMTP\r\n"


def _drip(piece: bytes) -> Iterator[bytes]:
    for _ in range(DRIPS):
        time.sleep(DRIP_SECONDS)
        yield piece


def _tls() -> Iterator[bytes]:
    yield b"\x16\x03\x03\x40\x00"  # a handshake record of 16 kB, which then comes byte by byte
    yield from _drip(b"\x02")
