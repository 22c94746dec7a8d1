"""Which addresses a user may name: what they must look like, and where they may lead."""

import ipaddress
import re
from urllib.parse import urlsplit

import requests
from AntiSSRF import AntiSSRFPolicy, PolicyConfigOptions

from nightshift.settings import settings

MAX_CHARACTERS = 2048
PORTS = {"http": 80, "https": 443}
NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)")
# IPv6 forms that carry an IPv4 address and that the library lets through (measured on 1.0.0):
# IPv4-compatible, ::127.0.0.1, and IPv4-translated (RFC 2765), ::ffff:0:127.0.0.1.
CARRY_IPV4 = ["::/96", "::ffff:0:0:0/96"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_form(url: str) -> str:
    """The URL as it will be asked for: host in lower case and ASCII, no default port, no fragment. No network needed.

    Raises ValueError with the reason, a sentence that does not repeat the address. Whether the address leads into a
    private network is known only when it is asked for, so not here.
    """
    url = url.strip()
    if len(url) > MAX_CHARACTERS:
        raise ValueError(f"The address is longer than {MAX_CHARACTERS:,} characters.")
    if not url.isprintable() or "\\" in url:
        raise ValueError("The address holds a character that no web address has.")
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("The address must start with http:// or https://.")
    try:
        # the parser that will send it, so that there is one reading of the address and not two
        parts = urlsplit(requests.Request("GET", url).prepare().url or "")
        port = parts.port
    except (requests.RequestException, ValueError):
        raise ValueError("This is not a complete web address.") from None
    if "@" in str(parts.netloc):
        raise ValueError("The address must not hold a user name or a password.")
    host = _host(str(parts.hostname or ""))
    usual = port in (None, PORTS[str(parts.scheme)])
    if not usual and not is_exempt(host):
        raise ValueError("Only the usual ports are allowed: 80 for http, 443 for https.")
    netloc = f"[{host}]" if ":" in host else host
    return str(parts._replace(netloc=netloc if usual else f"{netloc}:{port}", fragment="").geturl())


def _host(host: str) -> str:
    """`host` without a last dot, if it is a name or an IP address in its usual form (so neither 127.1 nor 0x7f000001)."""
    host = host.removesuffix(".")
    try:
        if ":" in host and "%" not in host:
            return str(ipaddress.IPv6Address(host))
        if NUMBER.fullmatch(host.rpartition(".")[2]):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise ValueError("The address does not name a valid host.") from None
    if not NAME.fullmatch(host) or len(host) > 253:
        raise ValueError("The address does not name a valid host.")
    return host


def is_exempt(host: str) -> bool:
    """True for a host that OUTBOUND_ALLOW_HOSTS names, itself or by a CIDR its IP address is in. Looks no name up."""
    if host in settings().outbound_allow_hosts:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _exempt_networks())


def guarded_session() -> requests.Session:
    """A session that looks a name up once, refuses what is not on the public internet, and connects to what it checked.

    Its requests raise AntiSSRFError, and a bare socket.gaierror for a name that cannot be found. Networks of
    OUTBOUND_ALLOW_HOSTS may be reached. Neither bounds time, size or redirects: http.py does.
    """
    policy = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
    policy.add_denied_addresses(CARRY_IPV4)
    policy.allow_plain_text_http = True
    policy.add_xff_header = False  # it would say "X-Forwarded-For: true" to every server
    if networks := _exempt_networks():
        policy.add_allowed_addresses([str(network) for network in networks])
    session: requests.Session = policy.get_antissrf_session()
    return session


def _exempt_networks() -> list[Network]:
    networks = []
    for entry in settings().outbound_allow_hosts:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            continue  # a name
    return networks
