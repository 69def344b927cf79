"""
Whom we may call: the rule for every URL that a configuration or a peer names.

Pure: nothing here opens a connection or asks a name server.  `target` judges a URL as written,
`address` what its host resolves to; `core.http` connects to an address judged here and to no other.
A peer must not be able to lead us to this machine, to its network, or to a cloud's metadata.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from impexd.core.text import shown

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = (range(80, 81), range(443, 444))
DEFAULT = {"https": 443, "http": 80}

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Whom we may call."""

    hosts: frozenset[str]
    """Names and addresses; `*.example.com` stands for every name below it, `*` for all."""
    http: frozenset[str] = frozenset()
    """Of these, those that may be called without TLS."""
    private: tuple[Network, ...] = ()
    """Networks that are not of the public internet, and may be called all the same."""
    ports: tuple[range, ...] = PORTS


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called, if its host resolves to what may be called."""

    scheme: str
    host: str
    """In small letters, without brackets."""
    port: int

    @property
    def authority(self) -> str:
        """What belongs into the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT[self.scheme] else f"{host}:{self.port}"


def target(url: str, allowed: Allowed) -> Target | str:
    """Pure: judge a URL as it is written; gives its target, or why it may not be called."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "a URL is of plain ASCII characters, without spaces; other names are written as xn--"
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "this is no URL"
    if parts.scheme not in DEFAULT:
        return "a URL that begins with https:// is wanted here"
    if "@" in parts.netloc:
        return "a user or a password does not belong into a URL"
    if reason := _name(host):
        return reason
    if not _listed(host, allowed.hosts):
        return f"{shown(host, limit=80)} is none of the hosts that may be called"
    if parts.scheme == "http" and not _listed(host, allowed.http):
        return f"{shown(host, limit=80)} may be called by https only"
    port = DEFAULT[parts.scheme] if port is None else port
    if not any(port in some for some in allowed.ports):
        return f"port {port} is none of those that may be called"
    literal = _literal(host)
    if literal is not None and (reason := address(literal, allowed)):
        return reason
    return Target(parts.scheme, host, port)


def address(found: Address, allowed: Allowed) -> str:
    """Pure: say why an address may not be called; "" if it may."""
    if any(found in network for network in allowed.private if network.version == found.version):
        return ""
    inner = _inner(found)
    if inner is not None:
        return address(inner, allowed)
    if not found.is_global or found.is_multicast or getattr(found, "is_site_local", False):
        return f"{found} is no address of the public internet"
    return ""


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Pure: read networks and single addresses; ValueError if one is none."""
    return tuple(ipaddress.ip_network(one, strict=True) for one in written)


def _name(host: str) -> str:
    """Pure: say what is wrong with a host's name; "" if nothing is."""
    if not host:
        return "this URL names no host"
    if ":" in host:
        return "" if _literal(host) is not None else "this is no address"
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # inet_aton takes 127.1, 0x7f000001 and 2130706433 for 127.0.0.1; we take no such writing.
        return "" if _literal(host) is not None else "this is no address: write it as 192.0.2.1"
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        return "this is no name of a host"
    return ""


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _listed(host: str, hosts: frozenset[str]) -> bool:
    if host in hosts or "*" in hosts:
        return True
    labels = host.split(".")
    return any("*." + ".".join(labels[n:]) in hosts for n in range(1, len(labels)))


def _inner(found: Address) -> Address | None:
    """Pure: the IPv4 address that an IPv6 one stands for; None if it stands for itself."""
    if not isinstance(found, ipaddress.IPv6Address):
        return None
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found in _NAT64:
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    if found.sixtofour is not None:
        return found.sixtofour
    return found.teredo[1] if found.teredo is not None else None
