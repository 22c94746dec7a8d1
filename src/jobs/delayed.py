"""The process that moves RQ's delayed retries into their queues when they are due."""

import logging
import os
import socket
from collections.abc import Sequence

from rq import scheduler
from rq.serializers import JSONSerializer

from jobs.connection import connect
from jobs.rq_job import SafeJob


def enqueue_delayed(queues: Sequence[str], supervisor: int) -> None:
    """Run RQ's scheduler for these queues until told to stop, or until the process `supervisor` is gone."""
    logging.getLogger("rq").setLevel(logging.CRITICAL)
    scheduler.Job = SafeJob  # RQ's own fails on the first hash it cannot read, and with it every delayed retry
    # Its lock names its owner and outlives a killed one by a minute: a supervisor's next one has the same name.
    name = f"{socket.gethostname()}-{supervisor}-delayed"
    delayed = _Delayed(queues, connection=connect(5), serializer=JSONSerializer, name=name, logging_level="CRITICAL")
    delayed.supervisor = supervisor
    delayed.work()


class _Delayed(scheduler.RQScheduler):
    should_reacquire_locks = True  # every second, not every ten minutes: another machine's may have died
    supervisor = 0

    def heartbeat(self) -> None:
        super().heartbeat()
        if os.getppid() != self.supervisor:
            self.request_stop()
