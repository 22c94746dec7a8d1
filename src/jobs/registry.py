"""The jobs there are. A function that is not here never runs."""

from __future__ import annotations

from jobs import analytics_rollup, billing, ingestion, webhook_retry

JOBS = {spec.name: spec for spec in (ingestion.JOB, webhook_retry.JOB, analytics_rollup.JOB, billing.JOB)}
BY_PATH = {spec.path: spec for spec in JOBS.values()}
