"""An address that hangs does not hold the queue."""

from uuid import uuid4

from client import OPERATOR_KEY, Client
from messaging import put, say, settled
from recorder import Answer, Recorder
from stack import Stack

HANGS = 2.0  # seconds


def test_one_workspaces_webhooks_hold_at_most_two_workers(api: Client, stack: Stack, vendors: Recorder) -> None:
    put(api, "WEBHOOK", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, *[Answer(500)] * 5, *[Answer(delay_seconds=HANGS)] * 5)
    with stack.nothing_moves() as move:
        sent = [say(api, f"{word} {number}", "WEBHOOK", f"customer {number}") for number in range(5)]
        for each in sent:
            move(each["id"])
    other = Client.of_new_workspace(api.base_url, OPERATOR_KEY)
    put(other, "TELEGRAM", vendors)
    elsewhere = f"word{uuid4().hex}"
    vendors.script(elsewhere, Answer(500))
    assert settled(other, say(other, elsewhere)["id"])["status"] == "SENT"
    ended = [settled(api, each["id"]) for each in sent]
    assert [[a["outcome"] for a in each["attempts"]] for each in ended] == [["failed", "sent"]] * 5, (
        "nobody lost an attempt"
    )
    began = [request.at for request in vendors.asked("/hook", word)][5:]
    assert all(later - earlier >= HANGS - 0.1 for earlier, later in zip(began, began[2:], strict=False))
