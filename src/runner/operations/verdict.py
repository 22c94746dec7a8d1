"""The verdict: does work flow, since when, the one likely cause, the one next action. The tables and Redis say it now, and the
scheduler writes down when it became another one."""

from dataclasses import dataclass, replace

from sqlalchemy import text

from nightshift.db.migrate import SchemaBehind, check_schema
from nightshift.db.session import transaction
from runner.operations import figures
from runner.operations.cards import Figures
from runner.operations.rules import Verdict, rules

KEPT_DAYS = 30

NEWEST = text("SELECT since, state FROM verdicts ORDER BY since DESC LIMIT 1")
RECORD = text("INSERT INTO verdicts VALUES (clock_timestamp(), :state, :cause)")
PRUNE = text(f"DELETE FROM verdicts WHERE since < clock_timestamp() - interval '{KEPT_DAYS} days'")  # noqa: S608 a constant


@dataclass(frozen=True)
class Operations:
    """The verdict, and the figures it rests on; none where the schema is of another release."""

    verdict: Verdict
    figures: Figures | None


def look() -> Operations:
    """How it stands now."""
    try:
        check_schema()
    except SchemaBehind as behind:
        return Operations(Verdict("stuck", None, str(behind), "Run `nightshift migrate`."), None)
    known = figures.read()
    verdict = next(rules(known))
    with transaction(durable=False) as session:
        before = session.execute(NEWEST).one_or_none()
    if before and before.state == verdict.state:
        verdict = replace(verdict, since=min(before.since, verdict.since or before.since))
    return Operations(verdict, known)


def record() -> None:
    """Write down that the verdict is another one now."""
    verdict = look().verdict
    with transaction() as session:
        before = session.execute(NEWEST).one_or_none()
        if before is None or before.state != verdict.state:
            session.execute(RECORD, dict(state=verdict.state, cause=verdict.cause))
            session.execute(PRUNE)
