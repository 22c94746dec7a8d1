"""A missing or bad setting is one line that names the variable."""

import base64
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightshift.server_urls import postgres_arguments
from nightshift.settings import NEEDED_IN_PRODUCTION, VENDOR_BASE_URLS, SettingsError, load

ROOT = Path(__file__).resolve().parents[2]
FERNET = base64.urlsafe_b64encode(bytes(32)).decode()
GOOD = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://u:p@db.example.com/n",
    "REDIS_URL": "rediss://cache.example.com:6380/0",
    "OPENAI_API_KEY": "sk",
    "RESEND_API_KEY": "re",
    "RESEND_FROM": "Nightshift <no-reply@example.com>",
    "CREDENTIAL_KEYS": FERNET,
    "ADMIN_API_KEY": "operator",
}
VENDORS = list(VENDOR_BASE_URLS)


def test_production_starts_with_all_required_settings(tmp_path: Path) -> None:
    config = load(GOOD, tmp_path)
    assert config.production
    assert (config.port, config.log_format, config.rate_limit_per_minute) == (3001, "json", 12000)
    assert not list(tmp_path.iterdir()), "production makes no secret of its own"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", "0.0.0.0:3001"),
        ("127.0.0.1", "127.0.0.1:3001"),
        ("api.internal:80", "api.internal:80"),
        ("[::1]:8080", "[::1]:8080"),
        ("[::]", "[::]:3001"),
        ("unix:/run/nightshift/web.sock", "unix:/run/nightshift/web.sock"),
    ],
)
def test_the_api_listens_at_bind(value: str, address: str, tmp_path: Path) -> None:
    assert load({**GOOD, "BIND": value}, tmp_path).bind == address


def test_only_production_drains(tmp_path: Path) -> None:
    assert load(GOOD, tmp_path).drain_seconds == 5
    assert load({**GOOD, "APP_ENV": "development"}, tmp_path).drain_seconds == 0


def test_base_urls_default_to_the_vendors(tmp_path: Path) -> None:
    contract = {
        "WHATSAPP": "https://graph.facebook.com/v26.0",
        "TELEGRAM": "https://api.telegram.org",
        "MESSENGER": "https://graph.facebook.com/v26.0",
        "INSTAGRAM": "https://graph.facebook.com/v26.0",
        "SLACK": "https://slack.com/api",
        "TWILIO": "https://api.twilio.com",
        "LINE": "https://api.line.me",
        "DISCORD": "https://discord.com",
    }
    assert contract.items() <= load(GOOD, tmp_path).vendor_base_urls.items()
    named = {f"{vendor}_BASE_URL": f"http://127.0.0.1:9/{vendor.lower()}/" for vendor in VENDORS}
    urls = load({**GOOD, **named}, tmp_path).vendor_base_urls
    assert urls == {vendor: f"http://127.0.0.1:9/{vendor.lower()}" for vendor in VENDORS}


def test_resend_has_a_key_a_sender_and_a_base_url(tmp_path: Path) -> None:
    config = load({**GOOD, "RESEND_BASE_URL": "http://127.0.0.1:9"}, tmp_path)
    assert (config.resend_api_key, config.resend_from) == ("re", "Nightshift <no-reply@example.com>")
    assert config.resend_base_url == "http://127.0.0.1:9"
    assert load(GOOD, tmp_path).resend_base_url == "https://api.resend.com"
    unset = load({"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x"}, tmp_path)
    assert (unset.resend_api_key, unset.resend_from) == (None, None)


@pytest.mark.parametrize("name", NEEDED_IN_PRODUCTION)
def test_production_refuses_to_start_without(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not set"):
        load({**GOOD, name: " "}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "staging"),
        ("PORT", "0"),
        ("PORT", "70000"),
        ("PORT", "eighty"),
        ("BIND", "0.0.0.0:99999"),
        ("BIND", "unix:relative.sock"),
        ("BIND", "http://0.0.0.0"),
        ("WEB_CONCURRENCY", "0"),
        ("DB_POOL_SIZE", "2"),
        ("DRAIN_SECONDS", "soon"),
        ("DATABASE_URL", "mysql://db/n"),
        ("DATABASE_URL", "postgresql://"),
        ("REDIS_URL", "localhost:6379"),
        ("DATABASE_URL", "postgresql://u:secret%zz@db/n"),
        ("DATABASE_URL", "postgresql://u:secret@[::1/n"),
        ("DATABASE_URL", "postgresql://db:port/n"),
        ("DATABASE_URL", "postgresql://u:sec@ret@db/n"),
        ("DATABASE_URL", "postgresql://u:secret#@db/n"),
        ("DATABASE_URL", "postgresql://u:secret@db/n?sslmode=sure"),
        ("DATABASE_URL", "postgresql://u:secret@db/n?connect_timeout=soon"),
        ("DATABASE_URL", "postgresql://u:secret@one,two:99999/n"),
        ("DATABASE_URL", "postgresql://u:secret@/n?host=one,two&port=1,2,3"),
        ("DATABASE_URL", "postgresql://u:secret@db/n?service=missing"),
        ("REDIS_URL", "redis://host:port"),
        ("REDIS_URL", "redis://:12#secret@host"),
        ("REDIS_URL", "redis://:12?secret@host"),
        ("RESEND_FROM", "nobody"),
        ("OUTBOUND_ALLOW_HOSTS", "http://127.0.0.1"),
        ("OUTBOUND_ALLOW_HOSTS", "127.0.0.1:3000"),
        ("REDIS_URL", "redis://:secret@host/0?socket_timeout=soon"),
        ("REDIS_URL", "rediss://:secret@host/0?ssl_cert_reqs=CERT_NONE"),
        ("REDIS_URL", "unix:///run/my%20redis.sock"),
        ("OPENAI_BASE_URL", "ftp://x"),
        *[("PUBLIC_URL", f"https://support.example.com{rest}") for rest in ("?q=1", "/#page", "/a b")],
        *[
            (f"{name}_BASE_URL", value)
            for name in ("RESEND", *VENDORS)
            for value in ("ftp://x", "graph.facebook.com", "https:///v23.0", "https://x:port")
        ],
        ("CREDENTIAL_KEYS", "short"),
        ("CREDENTIAL_KEYS", f"{FERNET},nonsense"),
        ("RATE_LIMIT_PER_MINUTE", "-1"),
        ("SENTRY_DSN", "nonsense"),
        ("SENTRY_DSN", "https://example.com"),
        ("CREDENTIAL_KEYS", ","),
        ("REDIS_URL", "redis://localhost/abc"),
        ("REDIS_URL", "redis+sentinel://:secret@one:26379,two:26379"),
        ("REDIS_URL", "redis+sentinel://:secret@one:26379/support/first"),
        ("REDIS_URL", "redis+sentinel://:secret@one:port/support/0"),
        ("REDIS_URL", "redis+sentinel://:secret@one,/support/0"),
        ("LOG_FORMAT", "xml"),
        ("OUTBOUND_ALLOW_HOSTS", "10.0.0.0/99"),
    ],
)
def test_a_bad_value_is_reported_by_the_name_of_its_variable(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"^{name}") as caught:
        load({**GOOD, name: value}, tmp_path)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value) and "sec@ret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "query", "parameter"),
    [
        ("DATABASE_URL", "schema=public", "schema"),
        ("DATABASE_URL", "sslmode=require&pgbouncer=true", "pgbouncer"),
        ("REDIS_URL", "family=0", "family"),
        ("REDIS_URL", "decode_responses=true", "decode_responses"),
        ("REDIS_URL", "retry_on_error=TimeoutError", "retry_on_error"),
        ("REDIS_URL", "ssl_ca_certs=ca.pem", "ssl_ca_certs"),
        ("REDIS_URL", "sentinel_password=secret", "sentinel_password"),
    ],
)
def test_a_parameter_that_the_client_does_not_know_is_named(
    name: str, query: str, parameter: str, tmp_path: Path
) -> None:
    env = {**GOOD, "REDIS_URL": "redis://:secret@cache.example.com/0"}
    with pytest.raises(SettingsError, match=rf"^{name} has a parameter .*: {parameter}\.$"):
        load({**env, name: f"{env[name]}?{query}"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://u:p@db/n?sslmode=verify-full&options=-csearch_path%3Dapp&connect_timeout=3"),
        ("DATABASE_URL", "postgresql://u:p@one:5432,two:5433/n?target_session_attrs=read-write"),
        ("DATABASE_URL", "postgresql:///n?host=%2Frun%2Fmy%20postgres&port=5433"),
        ("REDIS_URL", "rediss://:p@cache/0?ssl_cert_reqs=none&socket_timeout=5&health_check_interval=30"),
        ("REDIS_URL", "unix:///run/redis.sock?db=3"),
        ("REDIS_URL", "redis+sentinel://one:26379,two:26380/support/0"),
        ("REDIS_URL", "redis+sentinel://u:p%40@[::1],two/support?sentinel_password=s&socket_timeout=5"),
        ("REDIS_URL", "rediss+sentinel://one/support/3?ssl_cert_reqs=none"),
        ("DATABASE_URL", "postgresql://u:p@/n?hostaddr=192.0.2.1,192.0.2.2&keepalives=1&sslrootcert=%2Fetc%2Fca.pem"),
    ],
)
def test_the_parameters_of_the_servers_clients_are_accepted(name: str, value: str, tmp_path: Path) -> None:
    config = load({**GOOD, name: value}, tmp_path)
    assert value in (config.database_url, config.redis_url)


def test_libpq_reads_the_url_of_postgres() -> None:
    url = "postgresql+psycopg2://u:p%40@one,two:5433/n?options=-csearch_path%3Dapp&ssl=true"
    assert postgres_arguments(url) == {
        "user": "u",
        "password": "p@",
        "host": "one,two",
        "port": ",5433",
        "dbname": "n",
        "options": "-csearch_path=app",
        "sslmode": "require",
    }


def test_development_creates_its_secrets_once_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    env = {"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x"}
    first, second = load(env, tmp_path), load(env, tmp_path)
    assert first.admin_api_key == second.admin_api_key
    assert first.credential_keys == second.credential_keys
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_development_uses_the_servers_of_a_running_make_run(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make run"):
        load({}, tmp_path)
    (tmp_path / "servers.json").write_text('{"DATABASE_URL": "postgresql:///n?host=/x", "REDIS_URL": "unix:///x/y"}')
    with (tmp_path / "run.lock").open("a+") as lock:
        # Given its lock, which a kill gives back
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert load({}, tmp_path).redis_url == "unix:///x/y"
        assert load({"REDIS_URL": "redis://mine"}, tmp_path).redis_url == "redis://mine"

    # When it was killed, then the file it left is not trusted
    with pytest.raises(SettingsError, match="no `make run` is running in this checkout"):
        load({}, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["worker.py"],
        ["scheduler.py"],
        ["-m", "nightshift.db.migrate"],
        ["-m", "gunicorn", "-c", "python:web.gunicorn_conf", "web:create_app()"],
    ],
)
def test_each_process_stops_at_start_with_one_line(command: list[str]) -> None:
    env = {**os.environ, **GOOD, "OPENAI_API_KEY": ""}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines() == ["OPENAI_API_KEY is not set."]


@pytest.mark.slow
def test_an_unknown_queue_is_named(servers: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "worker.py", "emial"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert "emial" in done.stderr
