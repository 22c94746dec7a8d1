"""What a run prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accepted import Accepted
from recovery import Recovery

MOST_NAMED = 5  # differences of one check


def faults(rows: Sequence[Recovery], begun: float) -> str:
    """Each fault, how much was owed when it was over, and the seconds until that was made good."""
    head = f"{'at':>6}  {'fault':26} {'what':34} {'owed':>5} {'work again':>11} {'/readyz':>8}"
    lines = [head, "-" * len(head)]
    for row in rows:
        times = f"{_seconds(row.work_seconds):>11} {_seconds(row.ready_seconds):>8}"
        lines.append(f"{row.began - begun:5.0f}s  {row.name:26} {row.detail[:34]:34} {len(row.owed):5} {times}")
    return "\n".join(lines)


def work(accepted: Accepted, delivered: int) -> str:
    promises = {
        "documents": len(accepted.documents), "ingested again": accepted.reingests, "removed": len(accepted.removed),
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
