"""GET /metrics: what Prometheus reads."""

from collections.abc import Iterator
from contextlib import suppress

from prometheus_client import Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from redis.exceptions import RedisError
from sqlalchemy import text

from nightshift import clock
from nightshift.db.session import transaction
from runner.connection import redis
from runner.heartbeat import live_workers
from runner.registry import QUEUES
from runner.reporting import COUNTS
from web.error_responses import ProblemDetails
from web.routing import route

OPEN_ROWS = text("""
    SELECT job, state, count(*), extract(epoch FROM min(due_at)) FROM (
        SELECT job, state, due_at FROM outbox WHERE state = 'pending'
        UNION ALL SELECT job, state, due_at FROM outbox WHERE state = 'failed') AS open GROUP BY 1, 2
""")


@route("GET", "/metrics", {200: None, 503: ProblemDetails}, access="public", media_type="text/plain")
def metrics() -> str:
    """Metrics for Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Metrics())
    return generate_latest(registry).decode()


class _Metrics(Collector):
    def collect(self) -> Iterator[Metric]:
        with suppress(RedisError):
            yield from _of_redis()
        yield from _of_postgres()


def _of_redis() -> list[Metric]:
    ended = CounterMetricFamily("nightshift_jobs", "Attempts by outcome", labels=["queue", "job", "outcome"])
    waiting = GaugeMetricFamily("nightshift_queue_jobs", "Jobs in the queue in Redis", labels=["queue"])
    workers = GaugeMetricFamily("nightshift_workers", "Live workers", labels=["queue"])
    for label, count in redis().hgetall(COUNTS).items():
        names = label.decode("utf-8", "replace").split(" ")
        if len(names) == 3 and names[0] in QUEUES and count.isdigit():  # anything may be there
            ended.add_metric(names, int(count))
    for queue in QUEUES:
        waiting.add_metric([queue], redis().llen(f"rq:queue:{queue}"))
        workers.add_metric([queue], live_workers(redis().smembers(f"rq:workers:{queue}")))
    return [ended, waiting, workers]


def _of_postgres() -> list[Metric]:
    rows = GaugeMetricFamily("nightshift_outbox", "Rows that are pending or failed", labels=["job", "state"])
    oldest = GaugeMetricFamily("nightshift_oldest_due_seconds", "How long the oldest row has been due", labels=["job"])
    with transaction() as session:
        for job, state, count, due in session.execute(OPEN_ROWS):
            rows.add_metric([job, state], count)
            if state == "pending":
                oldest.add_metric([job], max(0.0, clock.now().timestamp() - float(due)))
    return [rows, oldest]
