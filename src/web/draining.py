"""How a web process stops: for DRAIN_SECONDS it is not ready and serves all the same, then it closes.

A proxy needs these seconds to send its requests elsewhere; each response says that its connection is closed after it.
"""

import ctypes
import mmap
import socket
import struct
import sys
import time
from contextlib import suppress
from select import select
from threading import Event
from typing import Any

from nightshift.settings import settings
from web.receiving import LINGER_SECONDS, ReceivingWorker

# A filter of Linux for the packets of a socket: the connection requests (TCP's SYN) are dropped. Numbers: linux/filter.h.
NO_SYN = [
    (0x30, 0, 0, 13),  # load byte 13 of TCP's header, the flags
    (0x45, 0, 1, 0x02),  # SYN?
    (0x06, 0, 0, 0),  # keep nothing
    (0x06, 0, 0, 0xFFFFFFFF),  # keep all
]
SO_ATTACH_FILTER = 26  # asm-generic/socket.h
SETTLE_SECONDS = 0.2  # for the connections that are being made, on a slow network too

draining = Event()  # /readyz says not ready, and a message is left to a worker
closes_address = mmap.mmap(-1, 1)  # shared with the main process: 1 once it stops and nobody else has its address
stopping = Event()  # no connection is accepted any more, and event streams end


def refuse_connections(listener: Any) -> float:
    """Drop connection requests from now on: TCP repeats them a second later, and is refused by then. Returns for how many seconds
    connections that were requested before may still appear.

    Without it a connection that comes between the last `accept` and the close is made by the kernel and then reset, and a
    proxy cannot know whether its request was read. Only Linux can do this, and only for TCP.
    """
    if sys.platform == "linux" and listener.family in (socket.AF_INET, socket.AF_INET6):
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in NO_SYN))
        with suppress(OSError):  # not in every sandbox
            program = struct.pack("HP", len(NO_SYN), ctypes.addressof(code))
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
            return SETTLE_SECONDS
    return 0


class DrainingWorker(ReceivingWorker):
    """Drains at SIGTERM. What has connected by then, or is sending a request on a connection that was idle, is served."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stop_at = 0.0

    def handle_exit(self, sig: int, frame: Any) -> None:
        if not draining.is_set():
            self._stop_at = time.monotonic() + settings().drain_seconds
            draining.set()
            self.method_queue.defer(lambda: None)  # wakes the event loop

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The response says that its connection is closed. One that was begun before may say that it is kept, and it is."""
        if draining.is_set():
            req.force_close()
        return super().handle_request(req, conn)

    def handle_quit(self, sig: int, frame: Any) -> None:
        stopping.set()
        super().handle_quit(sig, frame)

    def murder_pending(self) -> None:
        """Once a second: also, whether it is time to close."""
        if self.alive and draining.is_set() and time.monotonic() >= self._stop_at:
            stopping.set()
            self.limit_idle(LINGER_SECONDS)
            super().handle_exit(0, None)
        super().murder_pending()

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not self.alive:  # closing would reset the connections that wait to be accepted
            for listener in self.sockets:
                seconds = refuse_connections(listener) if closes_address[0] else 0
                while select([listener], [], [], seconds)[0]:
                    self.accept(listener)
                listener.close()
