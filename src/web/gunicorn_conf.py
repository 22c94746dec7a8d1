"""gunicorn's settings, in development and production alike: two processes of threads."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until gunicorn has its own handlers, Ctrl-C ends it without a traceback

from functools import partial
from typing import Any

from nightshift.settings import SettingsError, settings
from web.limiters import MAX_STREAMS

try:
    bind = f"0.0.0.0:{settings().port}"
    keepalive = settings().keep_alive_seconds
except SettingsError as error:
    sys.exit(str(error))
worker_class = "web.server.Worker"  # gthread
logger_class = "web.server.Log"
limit_request_line = 8190  # gunicorn's maximum: a question of 2,000 characters is longer once it is escaped
workers = 2
threads = 64 + MAX_STREAMS  # an open event stream holds one
timeout = 60
graceful_timeout = 13  # a message that is being sent has 12 s (web.api.messages); a stop takes at most 15 s
forwarder_headers = ""  # no header of a client names a path or a user
loglevel = "warning"
control_socket_disable = True  # gunicorn would make it in the home directory


def worker_exit(server: Any, worker: Any) -> None:
    """Dispatch what the last requests enqueued. Tests of credentials that wait do not begin."""
    from runner import counts
    from runner.dispatch import background
    from web.background import stop

    stop()
    background.drain(2)
    counts.flush()


def post_worker_init(worker: Any) -> None:
    """Bound what waits for Postgres, and have a stop end the event streams: each holds a thread as long as its client stays."""
    from nightshift.db.connection import watch
    from runner import counts
    from web.api.events import stopping

    watch(every_transaction=True)
    counts.keep_flushing()

    def end_streams_and(stop: Any, signum: int, frame: Any) -> None:
        stopping.set()
        stop(signum, frame)

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        stop = signal.getsignal(signum)
        if callable(stop):
            signal.signal(signum, partial(end_streams_and, stop))
