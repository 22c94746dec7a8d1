"""How a web process stops: for DRAIN_SECONDS it is not ready and serves all the same, then it closes.

A proxy needs these seconds to send its requests elsewhere; each response says that its connection is closed after it.
"""

import time
from select import select
from threading import Event
from typing import Any

from nightshift.settings import settings
from web.receiving import LINGER_SECONDS, ReceivingWorker

draining = Event()  # /readyz says not ready, and a message is left to a worker
stopping = Event()  # no connection is accepted any more, and event streams end


class DrainingWorker(ReceivingWorker):
    """Drains at SIGTERM. What has connected by then, or is sending a request on a connection that was idle, is served."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stop_at = 0.0

    def handle_exit(self, sig: int, frame: Any) -> None:
        if not draining.is_set():
            self._stop_at = time.monotonic() + settings().drain_seconds
            draining.set()
            self.cfg.set("keepalive", 0)  # gunicorn then closes each connection after its response
            self.method_queue.defer(lambda: None)  # wakes the event loop

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
                while select([listener], [], [], 0)[0]:
                    self.accept(listener)
                listener.close()
