"""The program as it runs: gunicorn, worker.py and scheduler.py, each a process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import redis
import requests
from programs import free_port, runs

import jobs  # noqa: F401  registers them
from nightshift.db.session import transaction
from nightshift.outbox import statements
from runner.dispatch import push
from runner.reconcile import reconcile
from runner.registry import JOBS, Job, job_id

PROBE = "SELECT pg_logical_emit_message(true, 'probe', '')"  # as little as a commit can write
RETRY = "row_id = %s AND state = 'pending' AND runs > 0"  # a row that waits for its retry
PROGRAMS = {
    "web": [str(Path(sys.executable).parent / "gunicorn"), "--config", "python:web.gunicorn_conf", "web:create_app()"],
    "worker": [sys.executable, "worker.py"],
    "scheduler": [sys.executable, "scheduler.py"],
}


class Stack:
    def __init__(self, root: Path, env: dict[str, str]) -> None:
        port = free_port()
        self.root, self.env = root, {**os.environ, **env, "PORT": str(port)}
        self.base_url = f"http://127.0.0.1:{port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.log_path = Path(tempfile.mkstemp(prefix="nightshift-test-", suffix=".log")[1])
        self.redis = redis.Redis.from_url(env["REDIS_URL"])
        self.database_url = env["DATABASE_URL"]  # for a test's own look, whatever stands before the program's

    def start(self) -> None:
        for name in PROGRAMS:
            self.launch(name)
        self.wait_ready()

    def launch(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                [*PROGRAMS[name], *arguments],
                cwd=self.root,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def wait_answering(self) -> None:
        """Until the API answers anything."""
        wait_for(lambda: _status(self.base_url) is not None, explain=self.log_path.read_text)

    def wait_ready(self) -> None:
        wait_for(lambda: _status(self.base_url) == 200, 90, lambda: self.log_path.read_text()[-3000:])

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(90)
        if not os.environ.get("KEEP_LOG"):
            self.log_path.unlink()

    @contextmanager
    def no_workers(self) -> Iterator[None]:
        """The workers are stopped, as their supervisor is told to, and started again."""
        supervisor = self.processes["worker"]
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(90) == 0
        try:
            yield
        finally:
            self.launch("worker")
        self.wait_ready()

    def lines(self, **fields: Any) -> list[dict[str, Any]]:
        """The log lines that have these fields."""
        found = []
        for line in self.log_path.read_text().splitlines():
            if line.startswith("{"):
                parsed = json.loads(line)
                if all(parsed.get(name) == value for name, value in fields.items()):
                    found.append(parsed)
        return found

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.database_url, options="-c default_transaction_read_only=off")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @contextmanager
    def postgres_away(self) -> Iterator[None]:
        """Postgres ends every session of the program and takes no new one."""
        with self._beside_the_database() as run:
            run("ALTER DATABASE nightshift ALLOW_CONNECTIONS false")
            try:
                run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'nightshift'")
                yield
            finally:
                run("ALTER DATABASE nightshift ALLOW_CONNECTIONS true")

    @contextmanager
    def no_commit_confirmed(self) -> Iterator[Callable[[str], bool]]:
        """Commits wait for a replica that is not there: done, and not told. Yields what ends these waits.

        It ends the sessions whose last statement is like this and returns whether there were any. It confirms the other
        commits: until then they hold their locks, and of those that notify one waits at a time, whosever they are.
        """

        def break_off(like: str) -> bool:
            end = "SELECT query LIKE %s, CASE WHEN query LIKE %s THEN pg_terminate_backend(pid) ELSE pg_cancel_backend(pid) END"
            return (True, True) in self.sql(f"{end} FROM pg_stat_activity WHERE wait_event = 'SyncRep'", like, like)

        def in_force() -> bool:
            with ThreadPoolExecutor(1) as pool, self._beside_the_database() as run:
                probe = pool.submit(run, PROBE)
                wait_for(lambda: break_off(PROBE) or probe.done())
                return probe.exception() is not None

        with self._beside_the_database() as run:
            run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            try:
                run("SELECT pg_reload_conf()")
                wait_for(in_force)
                yield break_off
            finally:
                run("ALTER SYSTEM RESET synchronous_standby_names")
                run("SELECT pg_reload_conf()")

    @contextmanager
    def _beside_the_database(self) -> Iterator[Callable[[str], None]]:
        url = self.env["DATABASE_URL"].replace("/nightshift?", "/postgres?")
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            yield connection.cursor().execute

    def due(self, row_id: str) -> float | None:
        """When this row's retry is due, in epoch seconds; None while it has none."""
        due = (
            "SELECT extract(epoch FROM due_at)::float8 FROM outbox WHERE row_id = %s AND state = 'pending' AND runs > 0"
        )
        return next((seconds for (seconds,) in self.sql(due, row_id)), None)

    def failures(self, row_id: str) -> int:
        """How many of its attempts this row has used up."""
        return int(self.sql("SELECT failures FROM outbox WHERE row_id = %s", row_id)[0][0])

    def hurry(self, row_id: str) -> None:
        """Time travel: the retry of this row is due now. Waits until there is one, or it has gone by itself."""
        gone = "SELECT 1 FROM outbox WHERE row_id = %s AND (runs > 1 OR runs = 1 AND state = 'dispatched')"
        wait_for(lambda: self._make_due(row_id) or self.sql(gone, row_id))

    @contextmanager
    def nothing_moves(self) -> Iterator[Callable[[str], None]]:
        """Time stands still for retries: the process that dispatches what becomes due is stopped.

        Yields what dispatches one row's retry by hand.
        """
        dispatcher = wait_for(self._dispatcher)

        def move(row_id: str) -> None:
            push(*self.take(row_id))

        dispatcher.suspend()
        try:
            yield move
        finally:
            dispatcher.resume()

    def take(self, row_id: str) -> tuple[Job, list[Any]]:
        """Within `nothing_moves`: this row's retry is dispatched, and its job is not in Redis yet, or was lost there.

        Made due and taken in one transaction: in between, whoever accepted it would dispatch it.
        """
        [(name, workspace_id)] = wait_for(
            lambda: self.sql(f"SELECT job, workspace_id FROM outbox WHERE {RETRY}", row_id)
        )
        job = JOBS[name]
        values = {"job": name, "workspace": workspace_id, "bound": job.queue.workers}
        with transaction() as session:
            run = session.connection().exec_driver_sql
            run(f"UPDATE outbox SET due_at = now() WHERE {RETRY}", (row_id,))
            run(statements.DISPATCH_LOCK, values)
            rows = list(run(statements.DISPATCH.format(payload=job.payload), values))
        assert row_id in [row.row_id for row in rows]
        return job, rows

    def flush_redis_and_reconcile(self) -> None:
        """Redis is wiped, and a minute later the scheduler reconciles: time travel for both waits."""
        self.redis.flushall()
        self.sql("UPDATE outbox SET dispatched_at = dispatched_at - interval '1 minute' WHERE state = 'dispatched'")
        reconcile()

    def _make_due(self, row_id: str) -> list[tuple[Any, ...]]:
        return self.sql(f"UPDATE outbox SET due_at = now() WHERE {RETRY} RETURNING job, workspace_id", row_id)

    def _dispatcher(self) -> psutil.Process | None:
        """The one child of the supervisor that is no worker (what RQ wrote of it a flush of Redis takes away)."""
        keys = self.redis.keys("rq:worker:*")
        workers = {int(self.redis.hget(key, "pid") or 0) for key in keys if not key.endswith(b":executions")}
        others = [c for c in psutil.Process(self.processes["worker"].pid).children() if c.pid not in workers]
        return others[0] if len(others) == 1 else None

    def job(self, row_id: str) -> dict[bytes, bytes]:
        """What Redis shows of this row's newest job; nothing where it is not kept."""
        newest = "SELECT job, row_id, generation FROM outbox WHERE row_id = %s"
        return dict(self.redis.hgetall(f"rq:job:{job_id(*self.sql(newest, row_id)[0])}"))

    def payload(self, row_id: str) -> dict[str, Any]:
        """What this row's newest job shows as its function and arguments."""
        function, _, args, kwargs = json.loads(zlib.decompress(self.job(row_id)[b"data"]))
        return {"function": function, "args": args, "kwargs": kwargs}

    def processes_of_workers(self) -> set[psutil.Process]:
        """The supervisor's children, whatever Redis knows of them."""
        return {child for child in psutil.Process(self.processes["worker"].pid).children() if runs(child)}

    def pids_of_workers(self, queue: str) -> list[int]:
        keys = self.redis.smembers(f"rq:workers:{queue}")
        return [int(pid) for pid in (self.redis.hget(key, "pid") for key in keys) if pid]

    def worker_of(self, row_id: str) -> int:
        """The pid of the process that holds this row's lease."""
        owner = wait_for(
            lambda: self.sql("SELECT lease_owner FROM outbox WHERE row_id = %s AND state = 'running'", row_id)
        )
        return int(wait_for(lambda: self.redis.hget(f"rq:worker:{owner[0][0]}", "pid")))

    def kill_worker_of(self, row_id: str) -> None:
        os.kill(self.worker_of(row_id), signal.SIGKILL)


def _status(base_url: str) -> int | None:
    """What /readyz answers; None while nobody does."""
    try:
        return requests.get(f"{base_url}/readyz", timeout=5).status_code
    except requests.RequestException:  # a timeout too: the machine is busy
        return None


def wait_for(condition: Any, seconds: float = 90, explain: Any = None) -> Any:
    """The condition's first true value. Fails after `seconds`, which bounds a hang: it is no measure of speed."""
    end, pause = time.monotonic() + seconds, 0.02
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause)
        pause = min(pause * 1.3, 0.2)  # what takes longer is asked less often: four stacks share two cores
    raise AssertionError(f"did not happen within {seconds} s" + (f":\n{explain()}" if explain else ""))
