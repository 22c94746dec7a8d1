"""All settings, read from the environment here and nowhere else."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nightshift.environment import Environment
from nightshift.environment import SettingsError as SettingsError
from nightshift.server_urls import check_postgres, check_redis

ROOT = Path(__file__).resolve().parents[2]
DATA_DIR = ROOT / ".data"
SERVERS = "servers.json"  # in DATA_DIR: the URLs of a running `make run`
RUN_LOCK = "run.lock"  # in DATA_DIR: locked while `make run` is running
POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg2")
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
MIN_POOL_SIZE = 3  # a scheduler's tick has three at a time
NEEDED_IN_PRODUCTION = (
    "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "RESEND_API_KEY", "RESEND_FROM", "CREDENTIAL_KEYS", "ADMIN_API_KEY",
)  # fmt: skip
VENDOR_BASE_URLS = {  # defaults of <TYPE>_BASE_URL
    "WHATSAPP": "https://graph.facebook.com/v26.0",
    "TELEGRAM": "https://api.telegram.org",
    "MESSENGER": "https://graph.facebook.com/v26.0",
    "INSTAGRAM": "https://graph.facebook.com/v26.0",
    "SLACK": "https://slack.com/api",
    "TWILIO": "https://api.twilio.com",
    "LINE": "https://api.line.me",
    "DISCORD": "https://discord.com",
}


@dataclass(frozen=True)
class Settings:
    """The settings of the process. Secrets are plain strings: never log this object."""

    production: bool
    database_url: str
    redis_url: str
    port: int
    bind: str
    web_concurrency: int
    drain_seconds: int
    db_pool_size: int
    openai_api_key: str | None
    openai_base_url: str
    embedding_model: str
    resend_api_key: str | None
    resend_from: str | None
    resend_base_url: str
    resend_webhook_secret: str | None
    public_url: str | None
    vendor_base_urls: Mapping[str, str]
    admin_api_key: str
    credential_keys: tuple[str, ...]
    outbound_allow_hosts: tuple[str, ...]
    rate_limit_per_minute: int
    keep_alive_seconds: int
    retention_days: int | None
    sentry_dsn: str | None
    otel_endpoint: str | None
    log_format: str


@cache
def settings() -> Settings:
    """The settings of this process, read once. Raises SettingsError."""
    return load(os.environ, DATA_DIR)


def load(env: Mapping[str, str], data_dir: Path) -> Settings:
    """Settings from `env`; in development, unset ones are read from `data_dir` or created there. Raises SettingsError."""
    source = Environment(env)
    production = source.one_of("APP_ENV", ("development", "production")) == "production"
    if production:
        for name in NEEDED_IN_PRODUCTION:
            source.required(name)
    else:
        source = Environment({**_running_servers(data_dir), **{k: v for k, v in env.items() if v}})
    port = source.integer("PORT", 3001, 1, 65535)
    return Settings(
        production=production,
        database_url=source.server_url("DATABASE_URL", POSTGRES_SCHEMES, check_postgres),
        redis_url=source.server_url("REDIS_URL", REDIS_SCHEMES, check_redis),
        port=port,
        bind=source.address("BIND", port),
        web_concurrency=source.integer("WEB_CONCURRENCY", 2, 1, 64),
        drain_seconds=source.integer("DRAIN_SECONDS", 5 if production else 0, 0, 60),
        db_pool_size=source.integer("DB_POOL_SIZE", 20, MIN_POOL_SIZE, 200),
        openai_api_key=source.get("OPENAI_API_KEY"),
        openai_base_url=source.url("OPENAI_BASE_URL", ("http", "https"), "https://api.openai.com/v1"),
        embedding_model=source.get("EMBEDDING_MODEL") or "text-embedding-3-small",
        resend_api_key=source.get("RESEND_API_KEY"),
        resend_from=source.mailbox("RESEND_FROM"),
        resend_base_url=source.url("RESEND_BASE_URL", ("http", "https"), "https://api.resend.com"),
        resend_webhook_secret=source.webhook_secret("RESEND_WEBHOOK_SECRET"),
        public_url=source.url("PUBLIC_URL", ("http", "https"), "" if production else f"http://127.0.0.1:{port}")
        or None,
        vendor_base_urls={
            type_: source.url(f"{type_}_BASE_URL", ("http", "https"), default)
            for type_, default in VENDOR_BASE_URLS.items()
        },
        admin_api_key=source.get("ADMIN_API_KEY") or _create_once(data_dir, "admin_api_key", secrets.token_urlsafe),
        credential_keys=source.fernet_keys(
            "CREDENTIAL_KEYS", lambda: _create_once(data_dir, "credential_keys", _fernet_key)
        ),
        outbound_allow_hosts=source.hosts("OUTBOUND_ALLOW_HOSTS"),
        rate_limit_per_minute=source.integer("RATE_LIMIT_PER_MINUTE", 12000, 1, 10_000_000),
        keep_alive_seconds=source.integer("KEEP_ALIVE_SECONDS", 100, 1, 3600),
        retention_days=source.integer("RETENTION_DAYS", 0, 1, 36_500) or None,
        sentry_dsn=source.dsn("SENTRY_DSN"),
        otel_endpoint=source.otlp("OTEL_EXPORTER_OTLP_ENDPOINT"),
        log_format=source.one_of("LOG_FORMAT", ("json", "text") if production else ("text", "json")),
    )


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _running_servers(data_dir: Path) -> dict[str, Any]:
    """The URLs of a running `make run`; empty without one. A killed one leaves its file behind, but not its lock."""
    try:
        with (data_dir / RUN_LOCK).open() as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return {}
        return dict(json.loads((data_dir / SERVERS).read_text()))
    except (OSError, ValueError):
        return {}


def _create_once(data_dir: Path, name: str, make: Callable[[], str]) -> str:
    """The secret stored in `data_dir` (mode 0600), created if missing; two processes at once agree on one."""
    path = data_dir / name
    data_dir.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        draft = data_dir / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(make())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
