"""What is FAILED when the faults are over is retried, as its owner would do it by HTTP."""

from load import Load
from machine import Machine

from nightshift.retry_policy import UNEXPECTED
from runner.rescue import CRASHED

ROUTES = {
    "webhook_retry.retry_send": "/v1/messages/{}/retry",
    "email.send": "/v1/emails/{}/retry",
    "ingestion.ingest": "/v1/knowledge/{}/reingest",
}
FAILED_BY_US = "SELECT job, row_id, error FROM outbox WHERE state = 'failed' AND error = ANY(%s)"


def retry_failed(machine: Machine, load: Load) -> frozenset[str]:
    """The ids of the rows that were FAILED."""
    owners = {client.workspace_id: client for client in load.clients}
    failed = machine.sql("SELECT job, row_id, workspace_id FROM outbox WHERE state = 'failed'")
    for job, row_id, workspace_id in failed:
        if job in ROUTES:
            answer = owners[workspace_id]("POST", ROUTES[job].format(row_id))
            assert answer.status_code == 202, f"{job} {row_id}: {answer.status_code} {answer.text}"
    return frozenset(row_id for _, row_id, _ in failed)


def failed_by_us(machine: Machine) -> list[str]:
    """Rows that are FAILED by an error of ours: a vendor's troubles may use up a row's attempts, our own may not."""
    rows = machine.sql(FAILED_BY_US, [CRASHED, UNEXPECTED])
    return [f"{job} {row_id}: {error}" for job, row_id, error in rows]
