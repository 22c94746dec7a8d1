"""Whether the program is alive and complete, and its metrics."""

import time
from typing import Any, Literal

from flask import Response
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from jobs.account import COUNTS
from jobs.clockwork import ALIVE
from jobs.connection import redis
from jobs.queues import QUEUES
from nightshift.db.session import transaction
from web.error_responses import ProblemDetails
from web.response_models import Count, ResponseModel
from web.routing import route


class Alive(ResponseModel):
    status: Literal["alive"]


class Readiness(ResponseModel):
    """`workers`: how many live ones each queue has. `scheduler`: whether one lives."""

    status: Literal["ready", "not ready"]
    postgres: bool
    redis: bool
    workers: dict[str, Count]
    scheduler: bool


@route("GET", "/healthz", {200: Alive}, access="public")
def healthz() -> Any:
    """Whether this process is alive."""
    return {"status": "alive"}


@route("GET", "/readyz", {200: Readiness, 503: Readiness}, access="public")
def readyz() -> Any:
    """Whether every part is there."""
    state = {"postgres": _postgres(), **_redis()}
    ready = state["postgres"] and state["redis"] and state["scheduler"] and all(state["workers"].values())
    return {"status": "ready" if ready else "not ready", **state}, 200 if ready else 503


@route("GET", "/metrics", {200: None, 503: ProblemDetails}, access="public", media_type="text/plain")
def metrics() -> Response:
    """For Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Metrics())
    return Response(generate_latest(registry), mimetype="text/plain")


def _postgres() -> bool:
    try:
        with transaction() as session:
            return session.scalar(text("SELECT 1 FROM work LIMIT 1")) in (1, None)
    except SQLAlchemyError:
        return False


def _redis() -> dict[str, Any]:
    try:
        with redis().pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.smembers(f"rq:workers:{queue}")
            pipe.exists(ALIVE)
            *members, scheduler = pipe.execute()
        return {
            "redis": True,
            "workers": dict(zip(QUEUES, map(_alive, members), strict=True)),
            "scheduler": bool(scheduler),
        }
    except RedisError:
        return {"redis": False, "workers": dict.fromkeys(QUEUES, 0), "scheduler": False}


def _alive(keys: set[bytes]) -> int:
    """Workers whose key has not expired (a heartbeat every 5 s keeps it for 20 s)."""
    return int(redis().exists(*keys)) if keys else 0


class _Metrics(Collector):
    def collect(self) -> Any:
        ended = CounterMetricFamily("nightshift_jobs", "Attempts by outcome", labels=["queue", "job", "outcome"])
        waiting = GaugeMetricFamily("nightshift_queue_jobs", "Jobs in the queue in Redis", labels=["queue"])
        workers = GaugeMetricFamily("nightshift_workers", "Live workers", labels=["queue"])
        owed = GaugeMetricFamily(
            "nightshift_work", "Rows of the outbox that are pending or failed", labels=["job", "state"]
        )
        oldest = GaugeMetricFamily(
            "nightshift_oldest_due_seconds", "How long the oldest due row has been due", labels=["job"]
        )
        try:
            for label, count in redis().hgetall(COUNTS).items():
                ended.add_metric(label.decode().split(" "), int(count))
            for queue in QUEUES:
                waiting.add_metric([queue], redis().llen(f"rq:queue:{queue}"))
                workers.add_metric([queue], _alive(redis().smembers(f"rq:workers:{queue}")))
        except RedisError:
            pass
        with transaction() as session:
            rows = session.execute(
                text("""
                SELECT job, state, count(*), extract(epoch FROM min(due_at)) FROM (
                    SELECT job, state, due_at FROM work WHERE state = 'pending'
                    UNION ALL SELECT job, state, due_at FROM work WHERE state = 'failed') AS open GROUP BY 1, 2
            """)
            )
            for job, state, count, due in rows:
                owed.add_metric([job, state], count)
                if state == "pending":
                    oldest.add_metric([job], max(0.0, time.time() - float(due)))
        return [ended, waiting, workers, owed, oldest]
