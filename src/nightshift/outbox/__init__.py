"""The outbox: one row for each thing a job has to do, whatever Redis remembers.

    enqueue ──> pending ──dispatch──> dispatched ──claim──> running ──finish──> done
                 ^   ^ \\__ due later        │ lost by Redis     │
     blocked ────┘   └─────────────────────┴── retry, release, rescue ──> failed (after the last attempt)

`blocked` rows wait for the row ahead of them in their lane, paused ones (see `pauses`) until they are resumed. The owner of a
lease writes its last statement only while the lease is there: a worker that was thought dead finds that it is gone, and its
transaction rolls back.
"""

from nightshift.outbox.enqueueing import (
    ROW_ID,
    advance,
    delete,
    enqueue,
    note_enqueued,
    on_commit,
    postpone,
    reopen,
    settle,
)
from nightshift.outbox.lease import Lease, claim, claim_here, current_lease

__all__ = [
    "ROW_ID", "Lease", "advance", "claim", "claim_here", "current_lease", "delete", "enqueue", "note_enqueued",
    "on_commit", "postpone", "reopen", "settle",
]  # fmt: skip
