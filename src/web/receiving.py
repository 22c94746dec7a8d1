"""gunicorn's threads, kept for requests that are there: its event loop receives them, and waits for slow clients.

A thread takes a request when its head is complete, and its body too if that is small. A slow client holds no thread; each
has a deadline.
"""

import re
import selectors
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from gunicorn.http import errors
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import ThreadWorker

RECEIVE_SECONDS = 10.0  # for a head and a small body
MAX_BYTES = 160 << 10  # of these two
BODY_BYTES_A_SECOND = 16 << 10  # a larger body, which a thread reads, may take 10 s more than at this rate
DRAIN_SECONDS = 0.05  # for the rest of a body that nobody read; if it takes longer, the connection is closed
SEND_SECONDS = 30.0  # for each piece of a response
LINGER_SECONDS = 2.0  # a closed connection is read from, so that its client gets to read the response

HEAD_END = b"\r\n\r\n"
# A body of up to 99,999 bytes. A client that expects 100 Continue sends its body when a thread has told it to.
SMALL_BODY = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,5})[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect:", re.IGNORECASE)


@dataclass(eq=False)
class Waiting:
    """A connection in the event loop. `data`: what of a request has come; None where its client has only to hang up."""

    deadline: float
    data: bytearray | None

    def is_complete(self) -> bool:
        text = bytes(self.data or b"").lstrip(b"\r\n")
        head = text.partition(HEAD_END)[0] + b"\r\n"
        body, found = len(text) - len(head) - 2, SMALL_BODY.search(head)
        return HEAD_END in text and (found is None or body >= int(found[1]) or EXPECTS.search(head) is not None)


class Body(SocketUnreader):
    """Reads what has not come yet, within its time. Raises TimeoutError."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self.deadline = 0.0

    def chunk(self, size_hint: int | None = None) -> bytes:
        usual, left = self.sock.gettimeout(), max(0.001, self.deadline - time.monotonic())
        self.sock.settimeout(left if usual is None else min(left, usual))
        try:
            data: bytes = super().chunk(size_hint)
        finally:
            self.sock.settimeout(usual)
        self.deadline += len(data) / BODY_BYTES_A_SECOND
        return data


class ReceivingWorker(ThreadWorker):
    """gthread, with two steps of a connection moved from the threads, or from a wait in the event loop, into its poller:
    receiving a request, and closing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_seconds: float = self.cfg.keepalive
        self._waiting: dict[Any, Waiting] = {}

    def limit_idle(self, seconds: float) -> None:
        """From now on, a connection that has sent nothing of a request is closed after so long."""
        self._idle_seconds = seconds
        for waiting in self._waiting.values():
            if waiting.data == b"":
                waiting.deadline = min(waiting.deadline, time.monotonic() + seconds)

    def enqueue_req(self, conn: Any) -> None:
        """Every connection comes here that is new or has sent something: wait for its request."""
        held = conn.parser.unreader.take_buffered() if conn.initialized else b""
        if conn.sock.gettimeout() != 0.0:
            conn.sock.setblocking(False)
        waiting = self._waiting[conn] = Waiting(time.monotonic() + self._idle_seconds, bytearray(held))
        self._receive(conn, conn.sock)
        if self._waiting.get(conn) is waiting:  # not all of it is there yet
            self._register(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        conn.sock.settimeout(SEND_SECONDS)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:  # its client does not read
            return False

    def finish_request(self, conn: Any, fs: Any) -> None:
        if _is_kept(fs):
            super().finish_request(conn, fs)
        else:
            self._close(conn)

    def murder_pending(self) -> None:
        """Once a second: close what is past its deadline, and when full what has sent nothing."""
        now, wanted = time.monotonic(), self.nr_conns >= self.worker_connections
        for conn, waiting in list(self._waiting.items()):
            if waiting.deadline < now or (wanted and waiting.data == b""):
                if waiting.data:
                    self._refuse(conn, TimeoutError())
                else:
                    self._forget(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """As gunicorn's, beside threads that add to these connections."""
        for conn in list(self.keepalived_conns):
            conn.timeout = min(conn.timeout, deadline)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        return bool(keepalive and conn.parser.finish_body(deadline=time.monotonic() + DRAIN_SECONDS))

    def _register(self, conn: Any) -> None:
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))

    def _receive(self, conn: Any, sock: Any) -> None:
        waiting = self._waiting[conn]
        try:
            data = sock.recv(1 << 16)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if waiting.data is None:
            if data == b"":
                self._forget(conn)
            return
        if data and not waiting.data:
            waiting.deadline = time.monotonic() + RECEIVE_SECONDS
        waiting.data += data or b""
        if data == b"" and not waiting.data:
            self._forget(conn)
        elif data == b"" or waiting.is_complete():
            self._hand_over(conn, bytes(waiting.data))
        elif len(waiting.data) > MAX_BYTES:
            self._refuse(conn, errors.LimitRequestHeaders("head"))

    def _hand_over(self, conn: Any, data: bytes) -> None:
        """A thread takes the request."""
        self._release(conn)
        if not conn.initialized:
            conn.init()
            conn.parser.unreader = Body(conn.sock)
        conn.parser.unreader.unread(data)
        conn.parser.unreader.deadline = time.monotonic() + RECEIVE_SECONDS
        self.tpool.submit(self.handle, conn).add_done_callback(partial(self._served, conn))

    def _served(self, conn: Any, fs: Any) -> None:
        """In the thread, which itself gives a connection that is kept to the poller: the event loop need not wake for that."""
        if _is_kept(fs) and not conn.parser.unreader.buf.getvalue():
            super().finish_request(conn, fs)
        else:
            self.method_queue.defer(self.finish_request, conn, fs)

    def _refuse(self, conn: Any, error: Exception) -> None:
        self._release(conn)
        self.handle_error(None, conn.sock, conn.client, error)
        self._close(conn)

    def _close(self, conn: Any) -> None:
        """As `close_graceful`, which would hold up the event loop until the client hangs up."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self._register(conn)
            self._waiting[conn] = Waiting(time.monotonic() + LINGER_SECONDS, None)
        except (OSError, ValueError):
            self.nr_conns -= 1
            conn.close()

    def _forget(self, conn: Any) -> None:
        self._release(conn)
        self.nr_conns -= 1
        conn.close()

    def _release(self, conn: Any) -> None:
        del self._waiting[conn]
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)


def _is_kept(fs: Any) -> bool:
    """Whether the connection of a request that was served stays open."""
    return not fs.cancelled() and fs.exception() is None and bool(fs.result())
