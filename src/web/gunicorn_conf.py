"""gunicorn, in development and production alike: two processes of threads."""

import signal
import sys
from functools import partial
from typing import Any

from nightshift.settings import SettingsError, settings

try:
    bind = f"0.0.0.0:{settings().port}"
except SettingsError as error:
    sys.exit(str(error))
worker_class = "web.server.Worker"  # gthread
logger_class = "web.server.Log"
limit_request_line = 8190  # the most gunicorn can: a question of 2,000 characters is longer once it is escaped
workers = 2
threads = 64  # 40 for event streams at most (web.events), the rest for requests
timeout = 60
graceful_timeout = 13  # a message that is being sent has its 12 s (web.messages); over in 15
keepalive = 5
loglevel = "warning"
control_socket_disable = True  # it would be made in the home directory


def worker_exit(server: Any, worker: Any) -> None:
    """Dispatch what the last requests enqueued."""
    from runner.dispatch import background

    background.drain(2)


def post_worker_init(worker: Any) -> None:
    """End the event streams as soon as a stop is asked for: each holds a thread for as long as its client likes."""
    from web.events import stopping

    def end_streams_and(stop: Any, signum: int, frame: Any) -> None:
        stopping.set()
        stop(signum, frame)

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        stop = signal.getsignal(signum)
        if callable(stop):
            signal.signal(signum, partial(end_streams_and, stop))
