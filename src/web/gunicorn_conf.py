"""gunicorn's settings, in development and production alike: processes of threads."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until gunicorn has its own handlers, Ctrl-C ends it without a traceback

import logging
from threading import Thread
from typing import Any

from nightshift import logs
from nightshift.logs import log
from nightshift.settings import settings
from web.draining import closes_address
from web.limiters import MAX_STREAMS

given = settings()
bind = given.bind
keepalive = given.keep_alive_seconds
workers = given.web_concurrency
worker_class = "web.server.Worker"  # gthread
logger_class = "web.server.Log"
limit_request_line = 8190  # gunicorn's maximum: a question of 2,000 characters is longer once it is escaped
threads = 64 + MAX_STREAMS  # an open event stream holds one
timeout = 60
# A message that is being sent has 12 s (web.api.messages), and none is sent any more while it drains. No stop takes longer.
graceful_timeout = 8 + max(5, given.drain_seconds)
forwarder_headers = ""  # no header of a client names a path or a user
loglevel = "warning"
control_socket_disable = True  # gunicorn would make it in the home directory


def on_starting(server: Any) -> None:
    """Refuse reloads: they would start processes with the code that this one has loaded, however old it is. Before a stop, note
    for the workers whether the address closes: not where systemd holds it, nor beside another main process (SIGUSR2)."""
    logs.configure(given)
    server.handle_hup = lambda: log("reload refused", logging.WARNING, reason="Restart to load new code.")
    stop = server.stop

    def stop_all(graceful: bool = True) -> None:
        closes_address[0] = not (server.systemd or server.reexec_pid or server.master_pid)
        stop(graceful)

    server.stop = stop_all


def worker_exit(server: Any, worker: Any) -> None:
    """Dispatch what the last requests enqueued. Tests of credentials that wait do not begin."""
    from runner import counts
    from runner.dispatch import background
    from web.background import stop

    stop()
    background.drain(2)
    counts.flush()


def post_worker_init(worker: Any) -> None:
    """Bound what waits for Postgres, and hand over what is counted."""
    from nightshift.db.connection import watch
    from runner import counts

    watch(every_transaction=True)
    Thread(target=counts.keep_flushing, name="counts", daemon=True).start()
