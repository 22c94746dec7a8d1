"""The end of an address: a connection is refused or served, and never made and then reset."""

import errno
import select
import socket
import sys

import pytest

from web.draining import refuse_connections


@pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux")
def test_who_connects_after_the_last_accept_is_refused() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with socket.create_connection(listener.getsockname()) as early, socket.socket() as late:
        # Given one who waits to be accepted, and one who comes when connections are refused
        seconds = refuse_connections(listener)
        late.setblocking(False)
        late.connect_ex(listener.getsockname())
        # Then the first is served
        accepted, _ = listener.accept()
        early.sendall(b"request")
        assert accepted.recv(7) == b"request"
        # and the second has no connection, and gets none
        assert not select.select([], [late], [], seconds)[1]
        listener.close()
        assert select.select([], [late], [], 30)[1]
        assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        accepted.close()
