"""No address that a user can write leads to a connection to a private network."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from hostile_addresses import HOSTILE, LITERALS, NAMES
from rude_server import RudeServer

from nightshift import address, http
from nightshift.address import check_form
from nightshift.errors import NightshiftError, PermanentError, TemporaryError
from nightshift.settings import settings

PUBLIC = "93.184.215.14"
LIMITS: dict[str, Any] = {"max_bytes": 1000, "deadline_seconds": 5}
Allow = Callable[..., None]


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Allow:
    """Sets OUTBOUND_ALLOW_HOSTS."""
    return lambda *hosts: monkeypatch.setattr(
        address, "settings", lambda: replace(settings(), outbound_allow_hosts=hosts)
    )


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses of connection attempts; only those to a high port of 127.0.0.1 succeed."""
    tried: list[Any] = []
    connect = socket.socket.connect

    def recorded(sock: socket.socket, target: Any) -> None:
        tried.append(target[:2])
        if target[0] != "127.0.0.1" or target[1] < 1024:
            raise ConnectionRefusedError
        connect(sock, target)

    monkeypatch.setattr(socket.socket, "connect", recorded)
    return tried


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The only known names: each has a list of addresses, or an iterator with a list for each lookup."""
    known: dict[str, Any] = dict(NAMES)
    getaddrinfo = socket.getaddrinfo

    def resolved(host: str, port: Any, *rest: Any, **more: Any) -> Any:
        found = known.get(host)
        if found is None:
            return getaddrinfo(host, port, *rest, **{**more, "flags": socket.AI_NUMERICHOST})
        found = next(found) if isinstance(found, Iterator) else found
        if isinstance(found, OSError):
            raise found
        return [
            (socket.AF_INET6, 1, 6, "", (ip, port, 0, 0)) if ":" in ip else (socket.AF_INET, 1, 6, "", (ip, port))
            for ip in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    return known


@pytest.fixture(scope="module")
def server() -> Iterator[RudeServer]:
    running = RudeServer()
    yield running
    running.stop()


@pytest.mark.parametrize("url", HOSTILE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_hostile_address_is_refused_and_nothing_is_connected(
    url: str, method: str, allow: Allow, names: dict[str, Any], connections: list[Any]
) -> None:
    allow()
    with pytest.raises(PermanentError):
        http.get(url, **LIMITS) if method == "get" else http.post(url, b"{}", {}, **LIMITS)
    assert connections == []


def test_the_list_is_long_enough() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60


@pytest.mark.parametrize(
    "target",
    [url for url in HOSTILE if url.split(":")[0] in ("file", "ftp", "gopher", "dict", "data", "javascript", "ldap")]
    + [f"http://{host}/" for host in LITERALS if "127.0.0.1" not in host and "7f00:1]" not in host]
    + [f"https://{name}/" for name in NAMES]
    + ["//10.0.0.1/", "http://2852039166/", "http://a@93.184.215.14/", "http://93.184.215.14:22/", "http://["],
)
def test_a_redirect_to_a_hostile_address_is_refused(
    target: str, allow: Allow, names: dict[str, Any], connections: list[Any], server: RudeServer
) -> None:
    allow("127.0.0.1")
    names.update({name: ["10.0.0.1"] for name, found in NAMES.items() if found[0].endswith("127.0.0.1")})
    with pytest.raises(PermanentError):
        http.get(f"{server.url}/to/{quote(target, safe='')}", **LIMITS)
    assert connections == [("127.0.0.1", server.port)]


@pytest.mark.parametrize("url", ["http://rebind.example.com/", "https://rebind.example.com/"])
def test_a_rebound_name_is_connected_at_the_address_that_was_checked(
    url: str, allow: Allow, names: dict[str, Any], connections: list[Any]
) -> None:
    allow()
    names["rebind.example.com"] = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    with pytest.raises(TemporaryError):
        http.get(url, **LIMITS)
    assert connections == [(PUBLIC, 443 if url.startswith("https") else 80)]


def test_a_proxy_in_the_environment_is_not_used(
    allow: Allow, names: dict[str, Any], connections: list[Any], server: RudeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, server.url)
    with pytest.raises(TemporaryError):
        http.get(f"http://{PUBLIC}/", **LIMITS)
    with pytest.raises(PermanentError):
        http.get("http://10.0.0.1/", **LIMITS)
    assert connections == [(PUBLIC, 80)]


@pytest.mark.parametrize("allowed", ["10.1.2.3", "10.0.0.0/8", "wiki.internal"])
def test_an_exempt_network_or_name_is_allowed(
    allowed: str, allow: Allow, names: dict[str, Any], connections: list[Any]
) -> None:
    allow(allowed)
    names["wiki.internal"] = ["10.1.2.3"]
    with pytest.raises(TemporaryError):
        http.get("http://wiki.internal/", **LIMITS)
    with pytest.raises(PermanentError):
        http.get("http://192.168.0.1/", **LIMITS)
    assert connections == [("10.1.2.3", 80)]


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL])
def test_an_unknown_name_is_a_temporary_error(code: int, allow: Allow, names: dict[str, Any]) -> None:
    allow()
    names["new.example.com"] = iter([socket.gaierror(code, "new.example.com")])
    with pytest.raises(TemporaryError, match="could not be found"):
        http.get("http://new.example.com/", **LIMITS)


@pytest.mark.parametrize("url", ["http://secret-name.example.com/x", "http://10.9.8.7/x", "http://u:pw@h.example/x"])
def test_no_sentence_repeats_the_address(url: str, allow: Allow, names: dict[str, Any], connections: list[Any]) -> None:
    allow()
    names["secret-name.example.com"] = [PUBLIC]
    with pytest.raises(NightshiftError) as raised:
        http.get(url, **LIMITS)
    shown = repr(raised.value) + repr(raised.value.__cause__)
    assert not any(part in shown for part in ("secret-name", "10.9.8.7", "pw", PUBLIC))
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("  HTTP://Example.COM  ", "http://example.com/"),
        ("https://example.com.:443/a?b=c#d", "https://example.com/a?b=c"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://bücher.de/straße", "https://xn--bcher-kva.de/stra%C3%9Fe"),
        ("https://example.com/a b/%7Eme", "https://example.com/a%20b/~me"),
        ("https://my_bucket.example.com/", "https://my_bucket.example.com/"),
        ("http://[2606:4700:0::1111]/", "http://[2606:4700::1111]/"),
        ("http://10.0.0.1/", "http://10.0.0.1/"),  # only asking tells
        ("http://dev.local:8080/x", "http://dev.local:8080/x"),  # exempt
    ],
)
def test_a_valid_address_is_normalized(written: str, asked: str, allow: Allow) -> None:
    allow("dev.local")
    assert check_form(written) == asked
    assert check_form(asked) == asked


def test_an_invalid_address_is_refused_without_the_network(
    allow: Allow, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    allow()
    monkeypatch.delattr(socket, "getaddrinfo")
    for url, reason in [
        ("ftp://example.com/", "http://"),
        ("http://a:b@example.com/", "password"),
        ("https://example.com:8443/", "ports"),
        ("http://127.1/", "valid host"),
        ("https://example.com/" + "a" * 2040, "2,048"),
        ("https://", "complete"),
    ]:
        with pytest.raises(ValueError, match=reason):
            check_form(url)
    assert connections == []
