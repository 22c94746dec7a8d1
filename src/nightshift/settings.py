"""All settings, read from the environment here and nowhere else."""

import base64
import fcntl
import ipaddress
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
DATA_DIR = ROOT / ".data"
SERVERS = "servers.json"  # in DATA_DIR: the URLs of a running `make run`
RUN_LOCK = "run.lock"  # in DATA_DIR: locked while `make run` is running
NEEDED_IN_PRODUCTION = (
    "DATABASE_URL",
    "REDIS_URL",
    "OPENAI_API_KEY",
    "RESEND_API_KEY",
    "RESEND_FROM",
    "CREDENTIAL_KEYS",
    "ADMIN_API_KEY",
)
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


class SettingsError(Exception):
    """A bad setting: one line that names the variable and the reason. The process must not start."""


@dataclass(frozen=True)
class Settings:
    """The settings of the process. Secrets are plain strings: never log this object."""

    production: bool
    database_url: str
    redis_url: str
    port: int
    openai_api_key: str | None
    openai_base_url: str
    embedding_model: str
    resend_api_key: str | None
    resend_from: str | None
    resend_base_url: str
    vendor_base_urls: Mapping[str, str]
    admin_api_key: str
    credential_keys: tuple[str, ...]
    outbound_allow_hosts: tuple[str, ...]
    rate_limit_per_minute: int
    sentry_dsn: str | None
    log_format: str


@cache
def settings() -> Settings:
    """The settings of this process, read once. Raises SettingsError."""
    return load(os.environ, DATA_DIR)


def load(env: Mapping[str, str], data_dir: Path) -> Settings:
    """Settings from `env`; in development, unset ones are read from `data_dir` or created there. Raises SettingsError."""
    source = _Source(env)
    production = source.one_of("APP_ENV", ("development", "production")) == "production"
    if production:
        for name in NEEDED_IN_PRODUCTION:
            source.required(name)
    else:
        source = _Source({**_running_servers(data_dir), **{k: v for k, v in env.items() if v}})
    return Settings(
        production=production,
        database_url=source.url("DATABASE_URL", ("postgresql", "postgres", "postgresql+psycopg2")),
        redis_url=source.url("REDIS_URL", ("redis", "rediss", "unix")),
        port=source.integer("PORT", 3001, 1, 65535),
        openai_api_key=source.get("OPENAI_API_KEY"),
        openai_base_url=source.url("OPENAI_BASE_URL", ("http", "https"), "https://api.openai.com/v1"),
        embedding_model=source.get("EMBEDDING_MODEL") or "text-embedding-3-small",
        resend_api_key=source.get("RESEND_API_KEY"),
        resend_from=source.get("RESEND_FROM"),
        resend_base_url=source.url("RESEND_BASE_URL", ("http", "https"), "https://api.resend.com"),
        vendor_base_urls={
            type_: source.url(f"{type_}_BASE_URL", ("http", "https"), default)
            for type_, default in VENDOR_BASE_URLS.items()
        },
        admin_api_key=source.get("ADMIN_API_KEY") or _create_once(data_dir, "admin_api_key", secrets.token_urlsafe),
        credential_keys=source.fernet_keys(
            "CREDENTIAL_KEYS", lambda: _create_once(data_dir, "credential_keys", _fernet)
        ),
        outbound_allow_hosts=source.hosts("OUTBOUND_ALLOW_HOSTS"),
        rate_limit_per_minute=source.integer("RATE_LIMIT_PER_MINUTE", 12000, 1, 10_000_000),
        sentry_dsn=source.dsn("SENTRY_DSN"),
        log_format=source.one_of("LOG_FORMAT", ("json", "text") if production else ("text", "json")),
    )


@dataclass(frozen=True)
class _Source:
    env: Mapping[str, str]

    def get(self, name: str) -> str | None:
        return self.env.get(name, "").strip() or None

    def required(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise SettingsError(f"{name} is not set.")
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.get(name) or choices[0]
        if value not in choices:
            raise SettingsError(f"{name} must be one of {', '.join(choices)}.")
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.get(name)
        if value is None:
            return default
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise SettingsError(f"{name} must be an integer from {low} to {high}.")
        return int(value)

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        value = self.get(name)
        if value is None:
            if default is not None:
                return default
            raise SettingsError(
                f"{name} is not set and no `make run` is running in this checkout: start one, or set it."
            )
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            raise SettingsError(f"{name} is not a URL.") from None
        location = parts.hostname if parts.scheme.startswith("http") else parts.netloc or parts.path.strip("/")
        if parts.scheme not in schemes or not location:
            raise SettingsError(f"{name} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}.")
        if parts.scheme.startswith("redis") and not parts.path.strip("/").isdecimal() and parts.path.strip("/"):
            raise SettingsError(f"{name} must end with a database number, or without a path.")
        return value.rstrip("/") if parts.scheme.startswith("http") else value

    def dsn(self, name: str) -> str | None:
        value = self.url(name, ("http", "https"), "")
        parts = urlsplit(value)
        if value and not (parts.username and parts.path.rpartition("/")[2].isdecimal()):
            raise SettingsError(f"{name} is not a Sentry DSN (https://<key>@<host>/<project number>).")
        return value or None

    def hosts(self, name: str) -> tuple[str, ...]:
        hosts = tuple(part.strip().lower() for part in (self.get(name) or "").split(",") if part.strip())
        for host in hosts:
            if "/" in host:
                try:
                    ipaddress.ip_network(host, strict=False)
                except ValueError:
                    raise SettingsError(f"{name} contains {host!r}, which is neither a host nor a CIDR.") from None
        return hosts

    def fernet_keys(self, name: str, make: Callable[[], str]) -> tuple[str, ...]:
        keys = tuple(key.strip() for key in (self.get(name) or make()).split(",") if key.strip())
        for position, key in enumerate(keys, 1):
            if not _is_fernet(key):
                raise SettingsError(f"{name}: key {position} is not a Fernet key (32 bytes in URL-safe base64).")
        if not keys:
            raise SettingsError(f"{name} contains no key.")
        return keys


def _is_fernet(key: str) -> bool:
    try:
        return len(base64.b64decode(key.encode(), altchars=b"-_", validate=True)) == 32
    except ValueError:
        return False


def _fernet() -> str:
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
