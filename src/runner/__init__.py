"""The engine: how jobs run. Rows of the outbox go to RQ's queues, workers claim and settle them. RQ enters here alone.

Payloads are JSON. RQ falls back to pickle in places that take no serializer (any default Queue, `rq info`, the dashboard),
and anyone who can write to Redis could then run code. So pickle is replaced before anything else happens.
"""

import signal
import sys

if sys.argv[0] == "-m" or sys.argv[0].endswith("/nightshift"):  # a command is here before its own first line
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback; Postgres rolls back

import rq.serializers

rq.serializers.DefaultSerializer = rq.serializers.PickleSerializer = rq.serializers.JSONSerializer
rq.serializers.SERIALIZER_ALIASES["pickle"] = rq.serializers.JSONSerializer

from rq import Retry

from runner.registry import Entry, Queue, job

__all__ = ["Entry", "Queue", "Retry", "job"]
