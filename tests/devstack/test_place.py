"""Where Postgres lives: as root and as an ordinary user, below private directories, at the end of long paths."""

import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
from redis import Redis as Client

from devstack import postgres
from devstack.home import remove
from devstack.postgres import Postgres
from devstack.redis import Redis

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to change accounts")


def serves(server: Postgres) -> bool:
    server.start()
    psycopg2.connect(server.url).close()
    return server.answers()


def modes_above(*paths: Path) -> dict[Path, int]:
    return {parent: parent.stat().st_mode for path in paths for parent in path.parents}


@pytest.mark.slow
@as_root
def test_as_root_below_a_private_directory_it_lives_outside_and_no_mode_changes(
    parent: Path, home: Path, outside_of: Callable[[Path], list[Path]]
) -> None:
    parent.chmod(0o700)
    programs = postgres.postgres_programs()
    before = modes_above(home, programs / "postgres")
    server = Postgres(home, shared_buffers="16MB")

    assert serves(server)
    assert modes_above(home, programs / "postgres") == before
    [outside] = outside_of(home)
    assert server.data == outside / "postgres" / "data"
    assert outside.stat().st_mode & 0o007 == 0
    assert server.socket.parent.stat().st_mode & 0o777 == 0o700

    server.remove()
    assert not outside_of(home)


@as_root
def test_as_root_where_everything_can_be_reached_it_lives_at_home_and_only_its_group_may_pass(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "reaches", lambda *_: True)
    server = Postgres(home, shared_buffers="16MB")

    assert server.data == home / "postgres" / "data"
    assert home.stat().st_mode & 0o777 == 0o710
    assert server.socket.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
@as_root
def test_deleting_the_home_is_a_new_installation_that_stops_and_removes_the_old_one(
    parent: Path, home: Path, outside_of: Callable[[Path], list[Path]]
) -> None:
    # Given a server that lives outside and whose home was deleted under it
    parent.chmod(0o700)
    old = Postgres(home, shared_buffers="16MB")
    old.start()
    shutil.rmtree(home)

    # When the home is used again
    new = Postgres(home, shared_buffers="16MB")
    assert serves(new)

    # Then the old one is gone
    assert not old.process.running()
    assert outside_of(home) == [new.directory.parent]
    new.stop()


@pytest.mark.slow
@as_root
def test_as_root_data_outside_stay_there_and_a_copy_of_the_checkout_does_not_share_them(
    parent: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "reaches", lambda *_: False)
    first = Postgres(home)
    first.data.mkdir()
    monkeypatch.setattr(postgres, "reaches", lambda *_: True)
    copy = shutil.copytree(home, parent / "copy", symlinks=True)

    assert Postgres(home).data == first.data
    assert not Postgres(copy).data.exists()
    remove(copy)


@as_root
def test_as_an_ordinary_user_below_a_private_directory_it_lives_at_home(
    parent: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    programs = postgres.copy_programs(parent, {"user": nobody.pw_uid, "group": nobody.pw_gid})
    monkeypatch.setattr(postgres, "postgres_programs", lambda: programs)
    parent.chmod(0o700)
    os.chown(parent, nobody.pw_uid, nobody.pw_gid)

    child = os.fork()  # and not exec: the interpreter need not be reachable for that user
    if child == 0:
        os._exit(_start_as(nobody, home))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (home / "postgres" / "data").stat().st_uid == nobody.pw_uid


def _start_as(user: pwd.struct_passwd, home: Path) -> int:
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    server = Postgres(home, shared_buffers="16MB")
    try:
        return 0 if serves(server) and server.account == {} else 1
    except BaseException as error:
        print(repr(error))
        return 2
    finally:
        server.stop()


@pytest.mark.parametrize("name", ["long" * 30, "Nächte = 3 Schichten, 100 %"])
def test_sockets_with_a_long_or_unusual_path_move_outside(
    parent: Path, outside_of: Callable[[Path], list[Path]], name: str
) -> None:
    home = parent / name / "home"
    database, redis = Postgres(home, shared_buffers="16MB"), Redis(home)

    redis.start()
    assert serves(database)
    assert all(server.socket.is_relative_to(outside_of(home)[0]) for server in (database, redis))
    assert Client.from_url(redis.url).client_info()["db"] == 0

    database.remove()
    redis.remove()
    assert not outside_of(home)
