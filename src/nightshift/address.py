"""Validates the web addresses that users name, and guards where they may lead."""

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
# IPv6 forms that contain an IPv4 address and that the library allows (measured on 1.0.0):
# IPv4-compatible, ::127.0.0.1, and IPv4-translated (RFC 2765), ::ffff:0:127.0.0.1.
EMBEDDED_IPV4 = ["::/96", "::ffff:0:0:0/96"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def check_form(url: str) -> str:
    """The URL as it will be requested: host in lower case and ASCII, no default port, no fragment.

    Raises ValueError with the reason, a sentence that does not repeat the address. Uses no network: whether the address
    leads to a private network is checked when it is requested.
    """
    url = url.strip()
    if len(url) > MAX_CHARACTERS:
        raise ValueError(f"The address is longer than {MAX_CHARACTERS:,} characters.")
    if not url.isprintable() or "\\" in url:
        raise ValueError("The address contains a character that is not allowed in a web address.")
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError("The address must start with http:// or https://.")
    try:
        # the parser that sends the request: two parsers might read an address differently
        parts = urlsplit(requests.Request("GET", url).prepare().url or "")
        port = parts.port
    except (requests.RequestException, ValueError):
        raise ValueError("This is not a complete web address.") from None
    if "@" in str(parts.netloc):
        raise ValueError("The address must not contain a user name or a password.")
    host = _host(str(parts.hostname or ""))
    default_port = port in (None, PORTS[str(parts.scheme)])
    if not default_port and not is_exempt(host):
        raise ValueError("Only the default ports are allowed: 80 for http, 443 for https.")
    netloc = f"[{host}]" if ":" in host else host
    return str(parts._replace(netloc=netloc if default_port else f"{netloc}:{port}", fragment="").geturl())


def _host(host: str) -> str:
    """`host` without a trailing dot. Raises ValueError unless it is a name or an IP address in its standard form, which 127.1
    and 0x7f000001 are not."""
    host = host.removesuffix(".")
    try:
        if ":" in host and "%" not in host:
            return str(ipaddress.IPv6Address(host))
        if NUMBER.fullmatch(host.rpartition(".")[2]):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise ValueError("The address does not contain a valid host.") from None
    if not NAME.fullmatch(host) or len(host) > 253:
        raise ValueError("The address does not contain a valid host.")
    return host


def is_exempt(host: str) -> bool:
    """Whether OUTBOUND_ALLOW_HOSTS contains this host, or a CIDR of its IP address. Resolves no name."""
    if host in settings().outbound_allow_hosts:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _exempt_networks())


def guarded_session() -> requests.Session:
    """A session that resolves a name once, refuses addresses outside the public internet, and connects to the address it
    checked.

    Its requests raise AntiSSRFError, and a bare socket.gaierror for an unknown name. Networks in OUTBOUND_ALLOW_HOSTS are
    allowed. It bounds neither time nor size nor redirects: http.py does.
    """
    policy = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
    policy.add_denied_addresses(EMBEDDED_IPV4)
    policy.allow_plain_text_http = True
    policy.add_xff_header = False  # it would send "X-Forwarded-For: true" to every server
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
            continue  # a host name
    return networks
