"""Which addresses may be connected to: public ones, checked after DNS, at the moment of connecting.

The name is resolved here and the connection made to the checked address itself, so a second answer
of the DNS cannot send it elsewhere. The name still goes into TLS and the Host header.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
from httpcore import SOCKET_OPTION, NetworkBackend, NetworkStream

Resolve = Callable[[str, int], list[str]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(Exception):
    """An address that is not of the public internet. Never leaves the fetcher."""


def resolve(host: str, port: int) -> list[str]:
    """Addresses of a host, by the system's resolver. Raises: OSError"""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an IP address is of the public internet, also where it wraps an IPv4 one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None and not is_public(str(inner)):
            return False
    return ip.is_global and not ip.is_multicast


class Reach(NetworkBackend):
    """Connections to public addresses, none of which outlasts the deadline.

    loopback: also allow this machine, for tests. resolve: replaces the system's resolver.
    deadline: moment of `time.monotonic` after which every wait fails; set before each request.
    """

    def __init__(self, loopback: bool = False, resolve: Resolve = resolve) -> None:
        self._loopback = loopback
        self._resolve = resolve
        self._inner = httpcore.SyncBackend()
        self.deadline = float("inf")

    def left(self, timeout: float | None) -> float:
        """Seconds that a wait may take now. Raises: httpcore.ReadTimeout when none is left."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole answer took too long")
        return left if timeout is None else min(left, timeout)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to the first address that answers. Raises: NotPublic, httpcore.ConnectError"""
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} cannot be resolved") from error
        refused = [address for address in addresses if not self._allowed(address)]
        if refused or not addresses:
            # One private answer among public ones is refused too: it is how rebinding looks.
            raise NotPublic(f"{host} leads to {refused[0] if refused else 'nowhere'}")
        failure: Exception | None = None
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(
                    address, port, self.left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _Bounded(stream, self)
        raise httpcore.ConnectError(f"no address of {host} answers") from failure

    def _allowed(self, address: str) -> bool:
        return is_public(address) or (
            self._loopback and ipaddress.ip_address(address.partition("%")[0]).is_loopback
        )


class _Bounded(NetworkStream):
    """A connection whose waits end at its backend's deadline, however slowly bytes drip."""

    def __init__(self, stream: NetworkStream, reach: Reach) -> None:
        self._stream = stream
        self._reach = reach

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._reach.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._reach.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        secure = self._stream.start_tls(ssl_context, server_hostname, self._reach.left(timeout))
        return _Bounded(secure, self._reach)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
