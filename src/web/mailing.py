"""Mail that a request causes: written with its cause, rung after the commit."""

from typing import Any

from sqlalchemy.orm import Session

from nightshift import mail
from nightshift.db.models import Workspace
from web.writing import owe


def owe_mail(session: Session, workspace_id: str, kind: str, key: str, **values: Any) -> None:
    """Owe the workspace's contact a mail of this kind, once for each `key`."""
    if mail.owe(session, session.get_one(Workspace, workspace_id), kind, f"{kind}/{key}", **values):
        owe(mail.JOB, workspace_id)
