"""One mail, however often it is tried: Resend honours its key."""

from decimal import Decimal

from scene import Case, Row, workspace

from nightshift import mail
from nightshift.db.models import Workspace
from nightshift.db.session import statement, transaction


def _enqueued(number: int) -> Row:
    row = workspace()
    told = dict(number=f"INV-{number}", amount_due=Decimal("12.50"), currency="EUR", url="https://example.com/")
    with transaction() as session:
        owner = session.get_one(Workspace, row["workspace_id"])
        return {**row, "id": mail.enqueue(session, owner.id, "invoice", f"{number}", **told)}


def _sent(row: Row, delivered: list[str]) -> list[str]:
    [found] = statement("SELECT status, provider_id FROM emails WHERE id = %(id)s", id=row["id"])
    right = found.status == "SENT" and found.provider_id and len(delivered) == 1
    return [] if right else [f"mail: {tuple(found)}, delivered {len(delivered)} times"]


CASES = {
    "send": Case("email.send", _enqueued, _sent),
    "send after a 500": Case("email.send", _enqueued, _sent, first_status=500),
}
