"""Work that is owed. One row a thing to do, and the lease of the worker that does it now.

    pending ──claim──> pending + lease ──finish──> done
       ^                    │
       ├── fail (again later), give back, death of the worker
       └── order (asked for anew)      └── fail (for good) ──> failed

Whoever holds a lease writes its last word only while the lease is there: a worker that was thought dead finds it gone and
its transaction rolled back.
"""

from nightshift.work.leases import (
    CRASHED,
    FREE_DEATHS,
    Lease,
    claim,
    claim_within,
    count_death,
    lapsed,
    local_owner,
    waiting_in_redis,
)
from nightshift.work.orders import drop, order

__all__ = [
    "CRASHED",
    "FREE_DEATHS",
    "Lease",
    "claim",
    "claim_within",
    "count_death",
    "drop",
    "lapsed",
    "local_owner",
    "order",
    "waiting_in_redis",
]
