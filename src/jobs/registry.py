"""The jobs there are. A function that is not here never runs."""

from jobs import analytics_rollup, billing, email, ingestion, webhook_retry

SPECS = (ingestion.JOB, webhook_retry.JOB, analytics_rollup.JOB, billing.JOB, email.JOB)
JOBS = {spec.name: spec for spec in SPECS}
BY_PATH = {spec.path: spec for spec in JOBS.values()}
