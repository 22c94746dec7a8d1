"""Typed and validated values of environment variables."""

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

MAILBOX = re.compile(r"[^\s<>@]+@[^\s<>@]+|[^<>]*<[^\s<>@]+@[^\s<>@]+>")
ADDRESS = re.compile(r"(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?", re.IGNORECASE)
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class SettingsError(SystemExit):
    """A bad setting: one line that names the variable and the reason. It ends the process, which must not start."""


@dataclass(frozen=True)
class Environment:
    """Environment variables, unset if blank. Each method raises SettingsError for a bad value."""

    variables: Mapping[str, str]

    def get(self, name: str) -> str | None:
        return self.variables.get(name, "").strip() or None

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
            several = parts.scheme.startswith("postgres") or "+" in parts.scheme  # hosts, which the client reads
            _ = several or parts.port
        except ValueError:
            raise SettingsError(f"{name} is not a URL.") from None
        is_web = parts.scheme.startswith("http")
        location = parts.hostname if is_web else parts.netloc or parts.path.strip("/")
        if parts.scheme not in schemes or not location:
            raise SettingsError(f"{name} must be a URL that starts with {' or '.join(s + '://' for s in schemes)}.")
        if is_web and (parts.query or parts.fragment or len(value.split()) > 1):
            raise SettingsError(f"{name} must contain no ?, no # and no space: paths are appended to it.")
        if parts.fragment:
            raise SettingsError(f"{name} contains a #: inside a user name or a password write it as %23.")
        if parts.scheme in ("redis", "rediss") and not parts.path.strip("/").isdecimal() and parts.path.strip("/"):
            raise SettingsError(f"{name} must end with a database number, or without a path.")
        return value.rstrip("/") if is_web else value

    def address(self, name: str, default_port: int) -> str:
        """Where to listen, as gunicorn reads it: `host:port` or `unix:/path`."""
        value = self.get(name) or "0.0.0.0"  # noqa: S104 all addresses
        if value.startswith("unix:/"):
            return value
        parts = ADDRESS.fullmatch(value)
        port = int(parts["port"] or default_port) if parts else 0
        if parts is None or not 1 <= port <= 65535:
            raise SettingsError(f"{name} must be a host, host:port, [IPv6 address]:port or unix:/path/to/socket.")
        return f"{parts['host']}:{port}"

    def server_url(self, name: str, schemes: tuple[str, ...], check: Callable[[str], object]) -> str:
        """A URL that `check` accepts, which raises ValueError with a reason."""
        value = self.url(name, schemes)
        try:
            check(value)
        except ValueError as error:
            raise SettingsError(f"{name} {error}.") from None
        return value

    def dsn(self, name: str) -> str | None:
        value = self.url(name, ("http", "https"), "")
        parts = urlsplit(value)
        if value and not (parts.username and parts.path.rpartition("/")[2].isdecimal()):
            raise SettingsError(f"{name} is not a Sentry DSN (https://<key>@<host>/<project number>).")
        return value or None

    def otlp(self, name: str) -> str | None:
        value = self.url(name, ("http", "https"), "")
        if value and find_spec("opentelemetry") is None:
            raise SettingsError(f"{name} is set, but the otel extra is not installed (requirements-otel.lock).")
        return value or None

    def webhook_secret(self, name: str) -> str | None:
        value = self.get(name)
        if value and not is_webhook_secret(value):
            raise SettingsError(f"{name} is not a secret of a webhook (whsec_ and base64).")
        return value

    def mailbox(self, name: str) -> str | None:
        value = self.get(name)
        if value and not MAILBOX.fullmatch(value):
            raise SettingsError(f"{name} is not a mail address (such as Support <support@example.com>).")
        return value

    def hosts(self, name: str) -> tuple[str, ...]:
        hosts = tuple(part.strip().lower() for part in (self.get(name) or "").split(",") if part.strip())
        for host in hosts:
            if not (HOST.fullmatch(host) or _is_network(host)):
                raise SettingsError(f"{name} contains {host!r}, which is neither a host nor a CIDR.")
        return hosts

    def fernet_keys(self, name: str, make: Callable[[], str]) -> tuple[str, ...]:
        keys = tuple(key.strip() for key in (self.get(name) or make()).split(",") if key.strip())
        for position, key in enumerate(keys, 1):
            if not _is_fernet(key):
                raise SettingsError(f"{name}: key {position} is not a Fernet key (32 bytes in URL-safe base64).")
        if not keys:
            raise SettingsError(f"{name} contains no key.")
        return keys


def is_webhook_secret(text: str) -> bool:
    """Whether it is one of Standard Webhooks: whsec_ and base64, or base64 alone. (The library skips other characters.)"""
    secret = text.removeprefix("whsec_")
    try:
        return bool(base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True))
    except ValueError:
        return False


def _is_network(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return False


def _is_fernet(key: str) -> bool:
    try:
        return len(base64.b64decode(key.encode(), altchars=b"-_", validate=True)) == 32
    except ValueError:
        return False
