"""A module that is put into `web.api` is served, guarded and described: nothing else knows of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import web.api
from nightshift import workspaces
from nightshift.db.session import transaction
from web import create_app

MODULE = '''
"""Exports."""

from typing import Any

from flask import g
from sqlalchemy.orm import Session

from web.request_parsing import Line, RequestBody
from web.response_models import ResponseModel
from web.routing import route


class NewExport(RequestBody):
    file_name: Line


class Export(ResponseModel):
    id: str
    file_name: str


@route("POST", "/v1/exports", {201: Export})
def create(session: Session, body: NewExport) -> Any:
    """Create an export."""
    return {"id": g.workspace_id, "file_name": body.file_name}


@route("POST", "/v1/purges", {204: None}, access="operator")
def purge() -> Any:
    """Purge the exports."""
'''


@pytest.fixture
def visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "throwaway_exports.py").write_text(MODULE)
    monkeypatch.setattr(web.api, "__path__", [*web.api.__path__, str(tmp_path)])
    yield create_app().test_client()


@pytest.fixture
def workspace() -> tuple[str, dict[str, str]]:
    """(its id, the headers of its requests)."""
    with transaction() as session:
        made, _, key = workspaces.create(session, "Routes", "x@example.com", 0, 0)
        return made.id, {"Authorization": f"Bearer {key}"}


def test_it_is_served_and_idempotent(visitor: Any, workspace: tuple[str, dict[str, str]]) -> None:
    workspace_id, headers = workspace
    once = headers | {"Idempotency-Key": "export-1"}
    first, again = (visitor.post("/v1/exports", json={"fileName": "a.csv"}, headers=once) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.get_json() == again.get_json() == {"id": workspace_id, "fileName": "a.csv"}
    other = visitor.post("/v1/exports", json={"fileName": "b.csv"}, headers=once)
    assert (other.status_code, other.get_json()["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_it_is_validated(visitor: Any, workspace: tuple[str, dict[str, str]]) -> None:
    refused = visitor.post("/v1/exports", json={"file": 1}, headers=workspace[1])
    assert refused.status_code == 422
    assert {error["field"] for error in refused.get_json()["errors"]} == {"fileName", "file"}
    assert visitor.post("/v1/exports", data=b"x", headers=workspace[1]).status_code == 415
    assert (
        visitor.patch("/v1/exports", headers=workspace[1]).get_json()["detail"] == "This route does not support PATCH."
    )


def test_it_is_guarded(visitor: Any, workspace: tuple[str, dict[str, str]]) -> None:
    assert visitor.post("/v1/exports", json={"fileName": "a.csv"}).status_code == 401
    assert visitor.options("/v1/exports").status_code == 401
    assert visitor.post("/v1/purges", headers=workspace[1]).status_code == 401


def test_it_is_described(visitor: Any) -> None:
    spec = visitor.get("/openapi.json").get_json()
    operation = spec["paths"]["/v1/exports"]["post"]
    assert operation["summary"] == "Create an export"
    assert operation["security"] == [{"workspace": []}]
    assert set(operation["responses"]) == {"201", "400", "401", "413", "415", "422", "429", "503"}
    assert [parameter["name"] for parameter in operation["parameters"]] == ["Idempotency-Key"]
    assert spec["components"]["schemas"]["NewExport"]["required"] == ["fileName"]
    assert spec["components"]["schemas"]["Export"]["required"] == ["id", "fileName"]
    assert spec["paths"]["/v1/purges"]["post"]["security"] == [{"operator": []}]
    page = visitor.get("/docs").text
    assert "/v1/exports" in page and "fileName" in page
