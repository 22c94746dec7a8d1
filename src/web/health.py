"""Is it alive, is it whole, and how much is there to do."""

import time
from typing import Any

from flask import Blueprint, Response
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from nightshift.db.session import transaction
from runner.connection import redis
from runner.registry import QUEUES
from runner.reporting import COUNTS
from runner.scheduler import ALIVE

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "alive"}


@blueprint.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """200 where every part is there, else 503; each part's state in both."""
    state = {"postgres": _postgres(), **_redis()}
    whole = state["postgres"] and state["redis"] and state["scheduler"] and all(state["workers"].values())
    return {"status": "ready" if whole else "not ready", **state}, 200 if whole else 503


@blueprint.get("/metrics")
def metrics() -> Response:
    registry = CollectorRegistry()
    registry.register(_Metrics())
    return Response(generate_latest(registry), mimetype="text/plain")


def _postgres() -> bool:
    try:
        with transaction() as session:
            return session.scalar(text("SELECT 1 FROM outbox LIMIT 1")) in (1, None)
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
            "workers": dict(zip(QUEUES, map(_living, members), strict=True)),
            "scheduler": bool(scheduler),
        }
    except RedisError:
        return {"redis": False, "workers": dict.fromkeys(QUEUES, 0), "scheduler": False}


def _living(keys: set[bytes]) -> int:
    """Workers whose key has not run out (a beat every 5 s keeps it for 20)."""
    return int(redis().exists(*keys)) if keys else 0


class _Metrics(Collector):
    def collect(self) -> Any:
        ended = CounterMetricFamily("nightshift_jobs", "Attempts by how they ended", labels=["queue", "job", "outcome"])
        waiting = GaugeMetricFamily("nightshift_queue_jobs", "Jobs in the queue in Redis", labels=["queue"])
        workers = GaugeMetricFamily("nightshift_workers", "Living workers", labels=["queue"])
        owed = GaugeMetricFamily("nightshift_work", "Rows of work", labels=["job", "state"])
        oldest = GaugeMetricFamily("nightshift_oldest_due_seconds", "Age of the longest due row", labels=["job"])
        try:
            for label, count in redis().hgetall(COUNTS).items():
                ended.add_metric(label.decode().split(" "), int(count))
            for queue in QUEUES:
                waiting.add_metric([queue], redis().llen(f"rq:queue:{queue}"))
                workers.add_metric([queue], _living(redis().smembers(f"rq:workers:{queue}")))
        except RedisError:
            pass
        with transaction() as session:
            rows = session.execute(
                text("""
                SELECT job, state, count(*), extract(epoch FROM min(due_at)) FROM (
                    SELECT job, state, due_at FROM outbox WHERE state = 'pending'
                    UNION ALL SELECT job, state, due_at FROM outbox WHERE state = 'failed') AS open GROUP BY 1, 2
            """)
            )
            for job, state, count, due in rows:
                owed.add_metric([job, state], count)
                if state == "pending":
                    oldest.add_metric([job], max(0.0, time.time() - float(due)))
        return [ended, waiting, workers, owed, oldest]
