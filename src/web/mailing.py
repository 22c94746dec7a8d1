"""SEAM: mail that a request causes. Empty until the branch `mail` is merged."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session


def owe_mail(session: Session, workspace_id: str, kind: str, key: str, **values: Any) -> None:
    """Becomes: mail.owe(session, workspace_id, kind, key, **values); writing.owe(mail.JOB, workspace_id)"""
