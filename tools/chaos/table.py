"""What a run prints."""

from collections.abc import Mapping, Sequence

from evidence import Accepted
from recovery import Recovery

MAX_NAMED = 5  # differences of one check


def faults(rows: Sequence[Recovery], begun: float) -> str:
    """Each fault, the rows it met, and the seconds until these had recovered."""
    head = f"{'at':>6}  {'fault':24} {'detail':30} {'running':>8} {'again':>7} {'due':>6} {'again':>7} {'/readyz':>8}"
    lines = [head, "-" * len(head)]
    for row in rows:
        what = f"{row.began - begun:5.0f}s  {row.name:24} {row.detail[:30]:30}"
        running = f"{len(row.running):8} {_seconds(row.running_seconds):>7}"
        due = f"{len(row.due or ()):6} {_seconds(row.due_seconds):>7}"
        lines.append(f"{what} {running} {due} {_seconds(row.ready_seconds):>8}")
    return "\n".join(lines)


def load(accepted: Accepted, delivered: int, retried: int) -> str:
    counts = {
        "documents": len(accepted.documents), "ingested again": accepted.reingests.total(), "removed": len(accepted.removed),
        "messages": len(accepted.messages), "handoffs": len(accepted.handoffs), "invoices": len(accepted.invoices),
        "usages": len(accepted.usages), "inbound": len(accepted.inbound),
    }  # fmt: skip
    lines = [
        "accepted: " + ", ".join(f"{count} {name}" for name, count in counts.items()),
        f"requests: {accepted.requests}, repeated: {accepted.repeated}; delivered: {delivered}; FAILED and retried: {retried}",
    ]
    return "\n".join(lines)


def checks(found: Mapping[str, Sequence[str]]) -> str:
    lines = []
    for name, differences in found.items():
        lines.append(f"{'ok  ' if not differences else 'DIFF'}  {name}")
        lines += [f"        {difference}" for difference in differences[:MAX_NAMED]]
        if len(differences) > MAX_NAMED:
            lines.append(f"        and {len(differences) - MAX_NAMED} more")
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
