"""Connections to public addresses: a name is looked up once, every address is checked, one of them is
connected to.

Owns looking up, checking, connecting and TLS. Whatever the name says a moment later, the socket goes to an address
that was checked. Environment proxies are not used. Knows nothing of HTTP.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address

from freehold.data.web.addresses import Address, read_address, refuse_address, refuse_host
from freehold.data.web.urls import Url

__all__ = ["Connection", "Connections", "FetchError", "Resolve", "find_addresses"]

_MOST_ADDRESSES = 4

Resolve = Callable[[str], Sequence[Address]]
"""Looks up a name."""


class FetchError(Exception):
    """There is no reply; the text says why.

    Attributes:
        passing: Whether another try may end otherwise.
    """

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.passing = passing


def find_addresses(host: str) -> list[Address]:
    """Returns the addresses of a name, as the system knows them.

    Raises:
        OSError: It has none.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found))


class Connection:
    """A connected socket.

    Until it is closed with `kept=True`, its end is a reset, not an end of stream, so that the other side's log
    tells a reply that was kept from one that a killed process lost.
    """

    def __init__(self, plain: socket.socket, address: Address) -> None:
        self.socket = plain
        self.address = str(address)

    def close(self, *, kept: bool = False) -> None:
        """Hangs up."""
        if kept:
            _set_linger(self.socket, on=False)
        self.socket.close()


class Connections:
    """What connects.

    Args:
        allow_loopback: Whether this machine may be asked.
        resolve: What looks up names.
        trust: What checks certificates; else the system's authorities.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        resolve: Resolve = find_addresses,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._trust = trust
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False

    def check(self, url: Url) -> list[Address]:
        """Returns the addresses of a URL's host, every one of which may be connected to.

        Raises:
            FetchError: One may not be, or there is none.
        """
        if why := refuse_host(url.host, allow_loopback=self._allow_loopback):
            raise FetchError(f"the host {url.host!r} is not asked: {why}")
        address = read_address(url.host)
        try:
            found = [address] if address is not None else list(self._resolve(url.host))
        except OSError as error:
            raise FetchError(
                f"the host {url.host!r} has no address: {error.strerror or error}", passing=True
            ) from None
        except UnicodeError:
            raise FetchError(f"the host {url.host!r} is no name") from None
        for each in found:
            if why := refuse_address(each, allow_loopback=self._allow_loopback):
                raise FetchError(f"the host {url.host!r} is not asked: {each} is {why}")
        if not found:
            raise FetchError(f"the host {url.host!r} has no address", passing=True)
        return found[:_MOST_ADDRESSES]

    def connect(self, url: Url, *, seconds: float) -> Connection:
        """Returns a connection to a checked address, with TLS where the URL wants it.

        Args:
            seconds: How long it may take, looking up apart.

        Raises:
            FetchError: There is none.
        """
        addresses = self.check(url)
        deadline = time.monotonic() + seconds
        fault = "it takes too long"
        for address in addresses:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            plain = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
            try:
                self._watch(plain)
                _set_linger(plain, on=True)
                plain.settimeout(left)
                plain.connect((str(address), url.port))
                return Connection(self._secure(plain, url, deadline=deadline), address)
            except ssl.SSLCertVerificationError as error:
                plain.close()
                raise FetchError(f"the certificate is not trusted: {error.verify_message}") from None
            except OSError as error:
                plain.close()
                fault = "it takes too long" if isinstance(error, TimeoutError) else str(error.strerror or error)
            except BaseException:
                plain.close()
                raise
        raise FetchError(f"no connection to {url.netloc!r}: {fault}", passing=True)

    def _secure(self, plain: socket.socket, url: Url, *, deadline: float) -> socket.socket:
        if url.scheme != "https":
            return plain
        if self._trust is None:
            self._trust = ssl.create_default_context()
        plain.settimeout(max(0.001, deadline - time.monotonic()))
        secured = self._trust.wrap_socket(plain, server_hostname=url.host.strip("[]"))
        self._watch(secured)
        return secured

    def _watch(self, opened: socket.socket) -> None:
        with self._lock:
            if self._closed:
                raise OSError("the crawl ends")
            self._open = {each for each in self._open if each.fileno() >= 0} | {opened}

    def hang_up(self) -> None:
        """Ends every connection, so that nobody waits for a reply any longer; there are no new ones."""
        with self._lock:
            self._closed = True
            opened = list(self._open)
        for each in opened:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes what nobody closed. Nobody may be using it any longer."""
        self.hang_up()
        for each in self._open:
            each.close()


def _set_linger(opened: socket.socket, *, on: bool) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", int(on), 0))
