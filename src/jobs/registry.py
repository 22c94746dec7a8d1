"""The jobs there are. A function that is not here never runs."""

from __future__ import annotations

from jobs import ingestion

JOBS = {spec.name: spec for spec in (ingestion.JOB,)}
BY_PATH = {spec.path: spec for spec in JOBS.values()}
