"""Whom the instance may call: `[outbound]`, and the rule that it makes with the URLs of `etc/`."""

import ipaddress
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, StringConstraints

from impexd.core import outbound
from impexd.core.outbound import Allowed
from impexd.model.base import Model


def _host(written: str) -> str:
    if written != written.lower() or not written.isascii():
        raise ValueError("a host is written in small letters; other scripts as xn--")
    return written


def _network(written: str) -> str:
    try:
        ipaddress.ip_network(written, strict=True)
    except ValueError as error:
        raise ValueError(f'a network is wanted here, like "10.1.0.0/16": {error}') from None
    return written


def _ports(written: int | str) -> int | str:
    _range(written)
    return written


def _range(written: int | str) -> range:
    first, _, last = str(written).partition("-")
    if not (first.isdigit() and (last or first).isdigit()):
        raise ValueError('a port is wanted here, like 8443, or "8000-8999"')
    found = range(int(first), int(last or first) + 1)
    if not found or found[0] < 1 or found[-1] > 65_535:
        raise ValueError("ports are numbers from 1 to 65535, the smaller one first")
    return found


Host = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|(\*\.)?[A-Za-z0-9:_-]+(\.[A-Za-z0-9_-]+)*)$"),
    AfterValidator(_host),
]
"""A host, `*.example.com` for all below it, or `*` for any."""
Network = Annotated[str, AfterValidator(_network)]
Ports = Annotated[int | str, AfterValidator(_ports)]


class Outbound(Model):
    """Whom feeds, exporters and `after` may call: `[outbound]`."""

    hosts: tuple[Host, ...] | None = None
    """If said: no others.  Else the hosts of the URLs that stand in the configuration."""
    http: tuple[Host, ...] = ()
    """Hosts that may be called without TLS."""
    private: tuple[Network, ...] = ()
    """Networks that are not of the public internet and may be called: `127.0.0.1`, `10.1.0.0/16`."""
    ports: tuple[Ports, ...] = (80, 443)
    ca_file: str | None = None
    """More certificates to be trusted, besides the system's (PEM)."""


def allowed(said: Outbound, urls: Iterable[str]) -> Allowed:
    """Pure: the rule for some URLs of the configuration."""
    hosts = said.hosts if said.hosts is not None else tuple(filter(None, map(_of, urls)))
    return Allowed(
        frozenset(hosts),
        frozenset(said.http),
        outbound.networks(said.private),
        tuple(map(_range, said.ports)),
    )


def fault(said: Outbound, url: str) -> str:
    """Pure: say why a URL of the configuration may not be called; "" if it may."""
    judged = outbound.target(url, allowed(said, [url]))
    if not isinstance(judged, str):
        return ""
    hint = "; [outbound] in impexd.toml says what may be called"
    return judged + (hint if "called" in judged or "public" in judged else "")


def _of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
