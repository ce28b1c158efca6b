"""Connections: the address that was checked is the one connected to, and the name is the one that is certified."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from freehold.data.web import Address, canonical
from freehold.data.web.connections import Connections, FetchError, find_addresses


def resolving(*addresses: str) -> Connections:
    def resolve(host: str) -> list[Address]:
        if not addresses:
            raise socket.gaierror(-2, "Name or service not known")
        return [ip_address(each) for each in addresses]

    return Connections(allow_loopback=True, resolve=resolve)


@pytest.mark.parametrize(
    ("addresses", "why"),
    [
        (["10.0.0.1"], "10.0.0.1 is private"),
        (["93.184.215.14", "10.0.0.1"], "10.0.0.1 is private"),
        (["127.0.0.1", "169.254.169.254"], "169.254.169.254 is link-local, where clouds keep their metadata"),
        (["::ffff:127.0.0.1"], "is an IPv4 address in disguise"),
        (["2606:4700::1111", "fd00::1"], "fd00::1 is private"),
        (["64:ff9b::7f00:1"], "translated to one that is loopback"),
        ([], "has no address: Name or service not known"),
    ],
)
def test_every_address_of_a_name_must_be_public(addresses: list[str], why: str) -> None:
    with pytest.raises(FetchError, match=re.escape(why)):
        resolving(*addresses).check(canonical("http://example.org/"))


def test_names_of_this_machine_are_not_even_looked_up() -> None:
    def resolve(host: str) -> list[Address]:
        raise AssertionError(host)

    for url in ("http://localhost/", "http://db.internal/", "http://10.0.0.1/", "http://[::1]/"):
        with pytest.raises(FetchError, match="is not asked"):
            Connections(resolve=resolve).check(canonical(url))


def test_loopback_is_not_asked_unless_that_is_said() -> None:
    url = canonical("http://example.org/")
    with pytest.raises(FetchError, match=r"127\.0\.0\.1 is loopback"):
        Connections(resolve=lambda host: [ip_address("127.0.0.1")]).connect(url, seconds=1.0)


def test_the_system_knows_this_machine() -> None:
    assert any(address.is_loopback for address in find_addresses("localhost"))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(10)
        yield opened


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked(listener: socket.socket) -> None:
    answers = iter(["127.0.0.1", "10.0.0.1"])
    connections = Connections(allow_loopback=True, resolve=lambda host: [ip_address(next(answers))])
    url = canonical(f"http://rebinding.example.org:{listener.getsockname()[1]}/")
    opened = connections.connect(url, seconds=5.0)
    assert opened.address == "127.0.0.1"
    assert opened.socket.getpeername()[0] == "127.0.0.1"
    assert next(answers) == "10.0.0.1"  # it was asked once
    opened.close()


def test_the_next_address_is_tried(listener: socket.socket) -> None:
    url = canonical(f"http://example.org:{listener.getsockname()[1]}/")
    opened = resolving("::1", "127.0.0.1").connect(url, seconds=5.0)
    assert opened.address == "127.0.0.1"
    opened.close()


def test_nobody_there_may_pass(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(FetchError, match=r"no connection to 'example\.org:") as caught:
        resolving("127.0.0.1").connect(canonical(f"http://example.org:{port}/"), seconds=2.0)
    assert caught.value.passing


@pytest.mark.parametrize("kept", [True, False])
def test_a_reply_that_was_not_kept_ends_with_a_reset(listener: socket.socket, kept: bool) -> None:
    url = canonical(f"http://example.org:{listener.getsockname()[1]}/")
    opened = resolving("127.0.0.1").connect(url, seconds=5.0)
    there, _ = listener.accept()
    with there:
        opened.close(kept=kept)
        there.settimeout(5)
        if kept:
            assert there.recv(1) == b""
        else:
            with pytest.raises(ConnectionResetError):
                there.recv(1)


def test_hanging_up_ends_who_waits_and_who_comes(listener: socket.socket) -> None:
    connections = resolving("127.0.0.1")
    url = canonical(f"http://example.org:{listener.getsockname()[1]}/")
    opened = connections.connect(url, seconds=5.0)
    connections.hang_up()
    opened.socket.settimeout(5)
    assert opened.socket.recv(1) == b""
    with pytest.raises(FetchError, match="the crawl ends"):
        connections.connect(url, seconds=5.0)
    connections.close()


def make_certificate(folder: Path, name: str) -> Path:
    """Writes a certificate that signs itself, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("name", "is_trusted", "why"),
    [
        ("docs.example.org", True, ""),
        ("other.example.org", True, "the certificate is not trusted: Hostname mismatch"),
        ("docs.example.org", False, "the certificate is not trusted: self-signed certificate"),
    ],
)
def test_the_certificate_is_that_of_the_name(
    listener: socket.socket, tmp_path: Path, name: str, is_trusted: bool, why: str
) -> None:
    certificate = make_certificate(tmp_path, name)
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, asked_for, _context: asked.append(asked_for)

    def serve() -> None:
        plain, _ = listener.accept()
        with plain:
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    trust = ssl.create_default_context(cafile=str(certificate) if is_trusted else None)
    connections = Connections(allow_loopback=True, resolve=lambda host: [ip_address("127.0.0.1")], trust=trust)
    url = canonical(f"https://docs.example.org:{listener.getsockname()[1]}/")
    if why:
        with pytest.raises(FetchError, match=why):
            connections.connect(url, seconds=5.0)
    else:
        connections.connect(url, seconds=5.0).close()
    thread.join()
    assert asked == ["docs.example.org"]
