"""A vendor that says nothing, and a Postgres that is away when the vendor says yes: bounded, and no message twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from uuid import uuid4

import psycopg2
from client import Client
from messaging import put, say, settled
from recorder import Answer, Recorder
from stack import Stack, wait_for

COMMITS = "wait_event = 'SyncRep' AND query LIKE '%%UPDATE messages SET status = ''SENT''%%'"


def test_a_vendor_that_stays_silent_is_left_within_15_seconds_and_asked_again_later(
    api: Client, vendors: Recorder
) -> None:
    word = f"word{uuid4().hex}"
    channels = ("TELEGRAM", "WEBHOOK")  # the operator's addresses, and the users': two doors
    for channel in channels:
        put(api, channel, vendors)
        vendors.script(f"{word} {channel}", Answer(delay_seconds=20))
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        unknown = list(pool.map(lambda channel: say(api, f"{word} {channel}", channel=channel), channels))
    assert time.monotonic() - begun < 15
    for shown in unknown:
        assert (shown["status"], [a["outcome"] for a in shown["attempts"]]) == ("RETRYING", ["unknown"])
        assert "whether the message arrived is not known" in shown["error"]
        sent = settled(api, shown["id"])
        assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["unknown", "sent"])


def test_what_was_sent_within_the_request_while_postgres_was_away_is_written_down_when_it_is_back(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(delay_seconds=2))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: say(api, word))
        wait_for(lambda: vendors.asked("/telegram", word))
        with stack.postgres_away():
            time.sleep(4)  # the vendor says yes meanwhile
        sent = asking.result()
    assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["sent"])
    assert len(vendors.asked("/telegram", word)) == 1
    stack.wait_ready()


def test_where_only_the_word_of_the_last_commit_was_lost_the_message_is_sent_once(
    api: Client, stack: Stack, vendors: Recorder
) -> None:
    put(api, "TELEGRAM", vendors)
    word = f"word{uuid4().hex}"
    vendors.script(word, Answer(delay_seconds=2))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: say(api, word))
        wait_for(lambda: vendors.asked("/telegram", word))
        with no_commit_confirmed(stack):
            [(pid,)] = wait_for(lambda: stack.sql(f"SELECT pid FROM pg_stat_activity WHERE {COMMITS}"))
            stack.sql("SELECT pg_terminate_backend(%s)", pid)
        sent = asking.result()
    assert (sent["status"], [a["outcome"] for a in sent["attempts"]]) == ("SENT", ["sent"])
    assert len(vendors.asked("/telegram", word)) == 1


@contextmanager
def no_commit_confirmed(stack: Stack) -> Iterator[None]:
    """Commits wait for a replica that is not there: done, and not told."""
    url = stack.env["DATABASE_URL"].replace("/nightshift?", "/postgres?")
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        try:
            cursor.execute("SELECT pg_reload_conf()")
            yield
        finally:
            cursor.execute("ALTER SYSTEM RESET synchronous_standby_names")
            cursor.execute("SELECT pg_reload_conf()")
