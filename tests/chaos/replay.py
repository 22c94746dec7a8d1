"""What rests as failed when the faults are over is sent again, as its owner would do it by HTTP."""

from __future__ import annotations

from load import Load
from machine import Machine

ROUTES = {"retry_send": "/v1/messages/{}/retry", "send": "/v1/emails/{}/retry", "ingest": "/v1/knowledge/{}/reingest"}


def replay(machine: Machine, load: Load) -> frozenset[str]:
    """The ids of what rested and is owed anew."""
    owners = {client.workspace_id: client for client in load.clients}
    failed = machine.sql("SELECT job, row_id, workspace_id FROM work WHERE state = 'failed'")
    for job, row_id, workspace_id in failed:
        if job in ROUTES:
            answer = owners[workspace_id]("POST", ROUTES[job].format(row_id))
            assert answer.status_code == 202, f"{job} {row_id}: {answer.status_code} {answer.text}"
    return frozenset(row_id for _, row_id, _ in failed)
