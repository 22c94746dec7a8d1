"""The operator's page as HTML: who may open it, what it shows, and what its forms do without a script."""

import html
import re
from typing import Any

import pytest
from client import OPERATOR_KEY
from production import in_production
from sqlalchemy import text

from nightshift import workspaces
from nightshift.db.session import transaction
from nightshift.ids import new_id
from nightshift.outbox import retries
from runner.operations import drills, kept
from web import create_app

PAGE = "/console/operations"
ACTIONS = (
    "queues/email/pause",
    "queues/email/resume",
    "retry",
    "schedule/daily-rollup",
    "drills/worker",
    "drills/redis",
)
ERROR = 'The <b>name</b> of "مرحبا" does not resolve.'


class Operator:
    """A browser that is signed in with ADMIN_API_KEY, and a workspace whose work is FAILED."""

    def __init__(self) -> None:
        self.http = create_app().test_client()
        self.http.post("/console/sign-in", data={"key": OPERATOR_KEY})
        with transaction() as session:
            made, _, self.key = workspaces.create(session, "Operated", "x@example.com", 0, 0)
            self.workspace_id = made.id

    def get(self, **parameters: str) -> str:
        """The failed work of this workspace, and all the rest."""
        answer = self.http.get(PAGE, query_string={"workspace": self.workspace_id, **parameters})
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def post(self, path: str, **fields: str) -> str:
        """What the next page says about it."""
        answer = self.http.post(f"{PAGE}/{path}", data=fields, headers={"Referer": f"http://localhost{PAGE}"})
        assert answer.status_code == 303, answer.text
        found = re.search(r'<div id="flash"[^>]*>(.*?)</div>', self.http.get(answer.location).text, re.DOTALL)
        return html.unescape(re.sub(r"<[^>]+>", " ", found[1]).strip()) if found else ""

    def fail(self, job: str, error: str = ERROR, count: int = 1, state: str = "failed") -> list[str]:
        row_ids = [new_id("doc") for _ in range(count)]
        with transaction() as session:
            session.execute(
                text("""
                    INSERT INTO outbox (job, row_id, workspace_id, state, error, runs, due_at)
                    SELECT :job, unnest(CAST(:ids AS text[])), :workspace, :state, :error, 4, now() + interval '1 hour'
                """),
                {"job": job, "ids": row_ids, "workspace": self.workspace_id, "error": error, "state": state},
            )
        return row_ids

    def asked(self, **parameters: str) -> tuple[str, dict[str, str]]:
        """The page before a retry: its text, and the fields of its form."""
        answer = self.http.get(f"{PAGE}/retry", query_string={"workspace": self.workspace_id, **parameters})
        assert answer.status_code == 200, answer.text
        fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text)
        return answer.text, {name: html.unescape(value) for name, value in fields}

    def scheduled(self) -> set[str]:
        """What will be retried."""
        with transaction() as session:
            mine = "SELECT r.row_id FROM retries r JOIN outbox o USING (job, row_id) WHERE o.workspace_id = :workspace"
            return set(session.scalars(text(mine), {"workspace": self.workspace_id}))


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.setattr(kept, "SHARE", 0)  # each look is a new one
    return Operator()


def test_only_an_operator_may_open_it(operator: Operator) -> None:
    visitor = create_app().test_client()
    assert visitor.get(PAGE).status_code == visitor.post(f"{PAGE}/retry").status_code == 303
    visitor.post("/console/sign-in", data={"key": operator.key})
    assert PAGE not in visitor.get("/console/knowledge").text, "its navigation does not name it"
    for path in ("", "/retry"):
        assert visitor.get(PAGE + path).status_code == 404
    for action in ACTIONS:
        assert visitor.post(f"{PAGE}/{action}").status_code == 404
    assert operator.http.get("/console").location == PAGE
    refused = operator.http.post(f"{PAGE}/drills/redis", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403


def test_the_sum_of_what_was_accepted_is_on_the_page(operator: Operator) -> None:
    operator.fail("email.send", count=2)
    operator.fail("email.send", count=3, state="pending")
    shown = re.findall(r"<dt>(Accepted|Done once|Still owed|Failed)</dt><dd>([\d,]+)</dd>", operator.get())
    figures_shown = {name: int(number.replace(",", "")) for name, number in shown[:4]}
    assert figures_shown["Failed"] >= 2 and figures_shown["Still owed"] >= 3
    parts = figures_shown["Done once"] + figures_shown["Still owed"] + figures_shown["Failed"]
    assert figures_shown["Accepted"] == parts


def test_failed_work_is_grouped_by_error_filtered_and_paged(operator: Operator) -> None:
    assert "Nothing that is FAILED matches." in operator.get()
    operator.fail("ingestion.ingest", count=12)
    operator.fail("email.send", "No such address.", 2)
    page = operator.get()
    assert ERROR not in page and html.escape(ERROR).replace("&#x27;", "'").replace("&quot;", "&#34;") in page
    assert re.findall(r'data-label="Rows">(\d+)<', page) == ["12", "2"]
    assert page.count('data-label="Failed"') == 10
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following and operator.http.get(html.unescape(following[1])).text.count('data-label="Failed"') == 4
    every = re.search(r"<form[^>]*/retry.{,300}Retry all that match", operator.get(error="SUCH"))
    assert every and 'name="error" value="SUCH"' in every[0] and f'value="{operator.workspace_id}"' in every[0]
    for filters, number in (
        ({"queue": "email"}, 2), ({"job": "ingestion.ingest", "limit": "20"}, 12), ({"error": "SUCH"}, 2), ({"id": "x"}, 0),
        ({"queue": "", "since": "", "error": "", "limit": "20"}, 14), ({"since": "2099-01-01T00:00"}, 0),
    ):  # fmt: skip
        assert operator.get(**filters).count('data-label="Failed"') == number, filters
    for bad in ({"queue": "none"}, {"cursor": "x"}, {"since": "soon"}):
        answer = operator.http.get(PAGE, query_string=bad)
        assert answer.status_code == 422 and next(iter(bad)) in answer.text


def test_a_retry_asks_first_and_does_exactly_what_it_has_counted(operator: Operator) -> None:
    first = operator.fail("ingestion.ingest", count=3) + operator.fail("email.send", count=2)
    other = operator.fail("email.send", "Another reason.")
    page, fields = operator.asked(error="does not resolve")
    assert (
        "Retry 5 rows?" in page
        and "2 of <code>email.send</code>" in page
        and "3 of <code>ingestion.ingest</code>" in page
    )
    assert ">Retry 5</button>" in page and "None may take effect twice." in page and not operator.scheduled()
    late = operator.fail("ingestion.ingest")
    with transaction() as session:  # another test's dispatcher does not retry them meanwhile
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": retries.LOCK})
        assert operator.post("retry", **fields) == "5 will be tried again, 30 a second."
        assert operator.scheduled() == set(first)
        assert operator.post("retry", **fields) == "Nothing that is FAILED matches any more.", "the same button twice"
        assert set(re.findall(r'<code id="row-([^"]+)"', operator.get())) == {*late, *other}
    assert "Nothing that is FAILED matches any more." in operator.asked(id="x")[0]


def test_a_queue_is_paused_for_a_reason_and_resumed(operator: Operator) -> None:
    try:
        assert operator.post("queues/billing/pause", reason=" The  bank <is> closed. ").startswith("billing: paused.")
        page = operator.get()
        assert "The bank &lt;is&gt; closed." in page
        assert page.count(">Resume<") == 1 and page.count(">Pause<") == 4
    finally:
        assert operator.post("queues/billing/resume") == "billing: resumed."
    assert operator.post("queues/billing/resume") == "billing: is not paused any more."
    assert operator.http.post(f"{PAGE}/queues/none/pause").status_code == 404


def test_a_slot_is_run_by_hand(operator: Operator) -> None:
    found = re.search(
        r'action="[^"]+/schedule/daily-rollup"[^>]*><input type="hidden" name="slot" value="([^"]+)"', operator.get()
    )
    assert found
    slot = html.unescape(found[1])
    said = re.fullmatch(
        r"daily-rollup: (\d{4}-\d\d-\d\d) runs now\.", operator.post("schedule/daily-rollup", slot=slot)
    )
    assert said and f'{said[1]} <span class="status' in operator.get(), "it is one of the last slots"
    assert "must be a time at which" in operator.post("schedule/daily-rollup", slot="2026-01-01T02:00:01Z")
    assert operator.http.post(f"{PAGE}/schedule/none", data={"slot": slot}).status_code == 404
    for bad in ("x", "2026-01-01T02:00:00"):
        assert operator.http.post(f"{PAGE}/schedule/daily-rollup", data={"slot": bad}).status_code == 422


def test_what_breaks_things_is_for_developers_on_their_own_machine(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: list[str] = []
    monkeypatch.setattr(drills, "wipe_redis", lambda: broken.append("redis"))
    monkeypatch.setattr(drills, "kill_worker", lambda session: broken.append("worker"))
    assert "Kill a worker" in operator.get() and "Wipe Redis" in operator.get()
    assert operator.post("drills/redis").startswith("Redis is empty.")
    assert operator.post("drills/worker").startswith("No worker is registered")
    assert broken == ["redis", "worker"]
    elsewhere: dict[str, Any] = {"headers": {"X-Forwarded-For": "127.0.0.1"}}
    assert "Wipe Redis" not in operator.http.get(PAGE, **elsewhere).text
    assert operator.http.post(f"{PAGE}/drills/redis", **elsewhere).status_code == 404
    with in_production():
        there = Operator()
        assert "Wipe Redis" not in there.get()
        for drill in ("redis", "worker"):
            assert there.http.post(f"{PAGE}/drills/{drill}").status_code == 404
    assert broken == ["redis", "worker"]
