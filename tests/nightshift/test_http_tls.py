"""TLS: the certificate is checked against the name, also where the guard connects to an IP address it resolved."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests.adapters
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rude_server import RudeServer

from nightshift import address, http
from nightshift.errors import TemporaryError
from nightshift.settings import settings

NAME = "docs.example.com"
PUBLIC = "93.184.215.14"
LIMITS: dict[str, Any] = {"max_bytes": 1_000_000, "deadline_seconds": 10}
PUBLIC_AUTHORITIES = certifi.where()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for NAME, its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(signed.public_bytes(pem) + secret)
    return file


@pytest.fixture(scope="module")
def server(certificate: Path) -> Iterator[RudeServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    running = RudeServer(context)
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def an_internet_of_one_server(server: RudeServer, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every name resolves to PUBLIC, whose port 443 is the server, and its certificate is trusted."""
    connect = socket.socket.connect

    def rerouted(sock: socket.socket, target: Any) -> None:
        assert target == (PUBLIC, 443)
        connect(sock, ("127.0.0.1", server.port))

    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, port, *_a, **_k: [(2, 1, 6, "", (PUBLIC, port))])
    monkeypatch.setattr(socket.socket, "connect", rerouted)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    monkeypatch.setattr(address, "settings", lambda: replace(settings(), outbound_allow_hosts=()))
    trust(certificate, monkeypatch)
    yield
    trust(PUBLIC_AUTHORITIES, monkeypatch)


def trust(authorities: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the certificate authorities of post_trusted."""
    monkeypatch.setattr(certifi, "where", lambda: str(authorities))
    http._tls_context.cache_clear()
    http._kept.connections.clear()


def test_a_page_is_requested_by_its_name(server: RudeServer) -> None:
    assert http.get(f"https://{NAME}/to/%2Fpage%2F", **LIMITS).body == b"hello"
    head = server.heads[-1].lower()
    assert f"host: {NAME}\r\n" in head
    assert "x-forwarded-for" not in head


def test_a_post_is_guarded_and_verified_too(server: RudeServer) -> None:
    assert http.post(f"https://{NAME}/page/", b"a" * 100_000, {}, **LIMITS).status == 200
    assert server.bodies[-1] == b"a" * 100_000


def test_a_certificate_of_another_name_is_refused(server: RudeServer) -> None:
    seen = len(server.heads)
    with pytest.raises(TemporaryError, match="certificate"):
        http.get("https://other.example.com/page/", **LIMITS)
    assert len(server.heads) == seen


@pytest.mark.parametrize("path", ["headerdrip", "continues", "bodydrip", "chunkdrip"])
def test_a_server_that_drips_is_left_at_the_deadline(path: str) -> None:
    with pytest.raises(TemporaryError, match="too long"):
        http.get(f"https://{NAME}/{path}/", max_bytes=1000, deadline_seconds=0.5)


def test_a_trusted_server_is_verified_too(server: RudeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert http.post_trusted(f"https://{NAME}/page/", b"{}", {}, **LIMITS).body == b"hello"
    seen = len(server.heads)
    with pytest.raises(TemporaryError, match=r"This server's TLS certificate is invalid\.") as other_name:
        http.post_trusted("https://other.example.com/page/", b"{}", {}, **LIMITS)
    trust(PUBLIC_AUTHORITIES, monkeypatch)
    with pytest.raises(TemporaryError, match="certificate"):
        http.post_trusted(f"https://{NAME}/page/", b"{}", {}, **LIMITS)
    assert (other_name.value.answer_lost, len(server.heads)) == (False, seen)
