"""A certificate authority of one's own, and a server's certificate by it."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PEM = serialization.Encoding.PEM


def certify(directory: Path) -> tuple[Path, Path, Path]:
    """The files of the authority's certificate, of one for 127.0.0.1, and of its key, readable for every account."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    us, server = _name("Tests"), _name("127.0.0.1")
    own = _draft(us, authority.public_key(), us).add_extension(x509.BasicConstraints(True, None), critical=True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    of_server = _draft(server, key.public_key(), us).add_extension(names, critical=False)
    secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    contents = {
        "ca.pem": own.sign(authority, hashes.SHA256()).public_bytes(PEM),
        "server.pem": of_server.sign(authority, hashes.SHA256()).public_bytes(PEM),
        "server.key": secret,
    }
    for name, data in contents.items():
        (directory / name).write_bytes(data)
    return directory / "ca.pem", directory / "server.pem", directory / "server.key"


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _draft(subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now, number = datetime.now(UTC), x509.random_serial_number()
    made = x509.CertificateBuilder(issuer, subject, key, number)
    return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
