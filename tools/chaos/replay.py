"""What rests as failed when the faults are over is sent again, as its owner would do it by HTTP."""

from load import Load
from machine import Machine
from nightshift.judging import UNEXPECTED
from nightshift.work import CRASHED

ROUTES = {"retry_send": "/v1/messages/{}/retry", "send": "/v1/emails/{}/retry", "ingest": "/v1/knowledge/{}/reingest"}
FAILED_BY_US = "SELECT job, row_id, error FROM work WHERE state = 'failed' AND error = ANY(%s)"


def replay(machine: Machine, load: Load) -> frozenset[str]:
    """The ids of what rested and is owed anew."""
    owners = {client.workspace_id: client for client in load.clients}
    failed = machine.sql("SELECT job, row_id, workspace_id FROM work WHERE state = 'failed'")
    for job, row_id, workspace_id in failed:
        if job in ROUTES:
            answer = owners[workspace_id]("POST", ROUTES[job].format(row_id))
            assert answer.status_code == 202, f"{job} {row_id}: {answer.status_code} {answer.text}"
    return frozenset(row_id for _, row_id, _ in failed)


def unexplained(machine: Machine) -> list[str]:
    """What rests as failed though no vendor is to blame: many in a row may exhaust a row's tries, our own faults may not."""
    ours = [CRASHED, UNEXPECTED]
    return [f"{job} {row_id}: {error}" for job, row_id, error in machine.sql(FAILED_BY_US, ours)]
