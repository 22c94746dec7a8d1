"""GET /metrics: what Prometheus reads. Any one API process shows the figures of all processes and machines."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from prometheus_client import Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from redis.exceptions import RedisError

from nightshift.db.session import transaction
from nightshift.metrics import BEYOND, SERIES, SUM, Series
from nightshift.outbox.statements import SINCE, paused
from runner.connection import redis
from runner.counts import COUNTS
from runner.heartbeat import live_workers
from runner.registry import JOBS, QUEUES
from web.error_responses import ProblemDetails
from web.routing import route

MAX_COUNTED = 100_000  # rows of one job and state
MAX_PAUSED = 10_000  # rows that are looked at for one that is not paused
STATES = {  # and what else is true of their rows, which is what the index of the state holds
    "pending": "", "dispatched": "", "running": "", "blocked": "AND lane IS NOT NULL", "failed": "",
}  # fmt: skip
# Each part reads a partial index up to its bound. A plan that reads the table would be right for none of the jobs but one.
PLAN = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
COUNTED = ", ".join(
    f"""(SELECT count(*) FROM (
        SELECT FROM outbox WHERE job = name.job AND state = '{state}' {also} LIMIT {MAX_COUNTED}
    ) AS open) AS {state}"""  # noqa: S608 constants
    for state, also in STATES.items()
)
# The oldest one waits: it is due and not paused, or its job is in Redis.
OPEN_ROWS = f"""
    SELECT name.job, {COUNTED},
           greatest(0, extract(epoch FROM clock_timestamp() - least((
               SELECT due_at FROM (
                   SELECT job, workspace_id, lane, due_at FROM outbox
                   WHERE job = name.job AND state = 'pending'
                         AND due_at BETWEEN {SINCE.format(what="due", job="name.job")} AND statement_timestamp()
                   ORDER BY due_at LIMIT {MAX_PAUSED}
               ) AS due WHERE NOT {paused("due")} LIMIT 1
           ), (
               SELECT min(due_at) FROM (
                   SELECT due_at FROM outbox WHERE job = name.job AND state = 'dispatched' LIMIT {MAX_COUNTED}
               ) AS dispatched
           ))))::float8 AS oldest
    FROM unnest(%(jobs)s::text[]) AS name (job)
"""  # noqa: S608 constants


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
    waiting = GaugeMetricFamily("nightshift_queue_jobs", "Jobs in the queue in Redis", labels=["queue"])
    workers = GaugeMetricFamily("nightshift_workers", "Live workers", labels=["queue"])
    counted = _counted(redis().hgetall(COUNTS))
    for queue, live in live_workers().items():
        waiting.add_metric([queue], redis().llen(f"rq:queue:{queue}"))
        workers.add_metric([queue], live)
    return [*(_family(series, counted[series.name]) for series in SERIES.values()), waiting, workers]


def _counted(fields: Mapping[bytes, bytes]) -> dict[str, dict[tuple[str, ...], int]]:
    """Of each series the counts by their labels; of a histogram these end in a bucket. Anything may be in Redis."""
    counted: dict[str, dict[tuple[str, ...], int]] = {name: {} for name in SERIES}
    for field, value in fields.items():
        name, *labels = field.decode("utf-8", "replace").split(" ")
        series = SERIES.get(name)
        if series and len(labels) == len(series.labels) + bool(series.bounds) and value.isdigit():
            counted[name][tuple(labels)] = int(value)
    return counted


def _family(series: Series, counts: Mapping[tuple[str, ...], int]) -> Metric:
    """Labels that are known beforehand begin at zero, so that Prometheus sees the first increase too."""
    known: dict[tuple[str, ...], list[tuple[str, ...]]] = {
        (): [()], ("job",): [(job,) for job in JOBS], ("queue",): [(queue,) for queue in QUEUES]
    }  # fmt: skip
    found = {labels[: len(series.labels)] for labels in counts}
    every = sorted({*known.get(series.labels, ()), *found})
    if not series.bounds:
        counter = CounterMetricFamily(series.name, series.help, labels=series.labels)
        for labels in every:
            counter.add_metric(labels, counts.get(labels, 0))
        return counter
    histogram = HistogramMetricFamily(series.name, series.help, labels=series.labels)
    for labels in every:
        buckets, total = list[tuple[str, float]](), 0
        for bound in (*map(str, series.bounds), BEYOND):
            total += counts.get((*labels, bound), 0)
            buckets.append((bound, total))
        histogram.add_metric(labels, buckets, counts.get((*labels, SUM), 0) / 1000)
    return histogram


def _of_postgres() -> list[Metric]:
    help_ = f"Open rows by state; {MAX_COUNTED} stands for that many or more"
    rows = GaugeMetricFamily("nightshift_outbox", help_, labels=["job", "state"])
    oldest = GaugeMetricFamily("nightshift_oldest_due_seconds", "How long the oldest row has waited", labels=["job"])
    with transaction() as session:
        connection = session.connection()
        connection.exec_driver_sql(PLAN)
        found = connection.exec_driver_sql(OPEN_ROWS, {"jobs": list(JOBS)}).all()
    for row in found:
        for state in STATES:
            rows.add_metric([row.job, state], getattr(row, state))
        oldest.add_metric([row.job], row.oldest or 0.0)
    return [rows, oldest]
