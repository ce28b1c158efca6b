"""A certificate for the processes of one server, which trust it and nothing else. Alone imports cryptography.

Owns how it is made. Each server makes a new one, in a folder that only its user can read and that ends with it.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import NamedTuple

from freehold.errors import MissingExtraError

__all__ = ["Certificate", "make_certificate"]

_DAYS = 3_650


class Certificate(NamedTuple):
    """Where a certificate and its key lie, in PEM."""

    certificate: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """Writes a certificate for this machine's loopback, signed by itself, and its key into a folder.

    Raises:
        MissingExtraError: The library is not installed.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ModuleNotFoundError as error:
        raise MissingExtraError("cryptography", "ray") from error
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "freehold")])
    now = datetime.datetime.now(datetime.UTC)
    own = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    )
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(own, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = Certificate(folder / "certificate.pem", folder / "key.pem")
    paths.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    written = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths.key.touch(mode=0o600)
    paths.key.write_bytes(key.private_bytes(*written))
    return paths
