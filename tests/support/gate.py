"""A TCP proxy before a server: it lets all pass, or it says nothing while every connection stays open."""

import socket
import threading
from contextlib import suppress
from typing import Any


class Gate:
    """`target`: the path of a Unix socket, or (host, port). It may be changed: connections that are open stay where they are."""

    def __init__(self, target: Any) -> None:
        self.target = target
        self.opened = 0  # connections so far
        self._open = threading.Event()
        self._open.set()
        self._generation = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hush(self) -> None:
        """Nothing passes any more, of old connections and new ones."""
        self._open.clear()

    def forget(self) -> None:
        """Nothing passes on the connections there are, ever; new ones work."""
        self._generation += 1

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.opened += 1
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        self._open.wait()
        server = socket.socket(socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET)
        try:
            server.connect(self.target)
        except OSError:
            client.close()
            return
        for pair in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(*pair, self._generation), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, generation: int) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                if generation == self._generation:
                    sink.sendall(data)
        if generation == self._generation:
            for end in (source, sink):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
