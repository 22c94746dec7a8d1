"""The queues: name, workers on a machine, kept finished and failed jobs, time limit in seconds."""

from runner import Queue

INGESTION = Queue("ingestion", 3, 100, 500, 1800)
WEBHOOK_RETRY = Queue("webhook-retry", 5, 50, 200, 60)
ANALYTICS_ROLLUP = Queue("analytics-rollup", 1, 7, 30, 1800)
BILLING = Queue("billing", 1, 12, 100, 3600)
EMAIL = Queue("email", 10, 100, 500, 60)
