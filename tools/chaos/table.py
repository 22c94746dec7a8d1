"""What a run prints."""

from collections.abc import Mapping, Sequence

from accepted import Accepted
from recovery import Recovery

MOST_NAMED = 5  # differences of one check


def faults(rows: Sequence[Recovery], begun: float) -> str:
    """Each fault, the rows it met, and the seconds until these were made good."""
    head = f"{'at':>6}  {'fault':24} {'what':30} {'in hand':>8} {'again':>7} {'owed':>6} {'again':>7} {'/readyz':>8}"
    lines = [head, "-" * len(head)]
    for row in rows:
        what = f"{row.began - begun:5.0f}s  {row.name:24} {row.detail[:30]:30}"
        in_hand = f"{len(row.in_hand):8} {_seconds(row.in_hand_seconds):>7}"
        owed = f"{len(row.owed or ()):6} {_seconds(row.owed_seconds):>7}"
        lines.append(f"{what} {in_hand} {owed} {_seconds(row.ready_seconds):>8}")
    return "\n".join(lines)


def work(accepted: Accepted, delivered: int) -> str:
    promises = {
        "documents": len(accepted.documents), "ingested again": accepted.reingests.total(), "removed": len(accepted.removed),
        "messages": len(accepted.messages), "handoffs": len(accepted.handoffs), "invoices": len(accepted.invoices),
        "credit uses": len(accepted.usages), "inbound": len(accepted.inbound),
    }  # fmt: skip
    said = ", ".join(f"{count} {name}" for name, count in promises.items())
    return (
        f"accepted: {said}\nrequests: {accepted.asked}, of which {accepted.repeated} repeated; delivered: {delivered}"
    )


def checks(found: Mapping[str, Sequence[str]]) -> str:
    lines = []
    for name, differences in found.items():
        lines.append(f"{'ok  ' if not differences else 'DIFF'}  {name}")
        lines += [f"        {difference}" for difference in differences[:MOST_NAMED]]
        if len(differences) > MOST_NAMED:
            lines.append(f"        and {len(differences) - MOST_NAMED} more")
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
