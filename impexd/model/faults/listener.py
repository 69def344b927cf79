"""What is wrong with `[admin]` and `[webhooks]`: where it listens, and whether it would do so in the clear."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from impexd.model.faults import Fault, quoted
from impexd.model.instance import Admin, Webhooks

OFF = "off"


def faults(admin: Admin) -> Iterator[Fault]:
    """Pure: all that is wrong with it."""
    found = address(admin.listen)
    if admin.listen == OFF:
        return
    if found is None:
        yield Fault(
            ("admin", "listen"),
            f'{quoted(admin.listen)} is no address and port; write "127.0.0.1:8470", "[::1]:8470", or "off"',
        )
    elif not loopback(found[0]) and not (admin.tls_cert or admin.behind_proxy):
        yield Fault(
            ("admin", "listen"),
            f"{quoted(found[0])} can be reached from other machines: passwords would travel in the clear;"
            " name tls_cert and tls_key, or say behind_proxy = true if a proxy speaks TLS before it",
        )
    if bool(admin.tls_cert) != bool(admin.tls_key):
        lacking = "tls_key" if admin.tls_cert else "tls_cert"
        yield Fault(("admin", "tls_cert" if admin.tls_cert else "tls_key"), f"{lacking} is missing")
    if admin.url is not None and (reason := _url(admin.url)):
        yield Fault(("admin", "url"), reason)
    for position, proxy in enumerate(admin.trusted_proxies):
        if not _network(proxy):
            what = f"{quoted(proxy)} is no address and no network"
            yield Fault(("admin", "trusted_proxies", position), what)


def webhooks(said: Webhooks) -> Iterator[Fault]:
    """Pure: all that is wrong with `[webhooks]`."""
    found = address(said.listen)
    if said.listen == OFF:
        return
    if found is None:
        what = f'{quoted(said.listen)} is no address and port; write "0.0.0.0:8443" or "off"'
        yield Fault(("webhooks", "listen"), what)
    elif not loopback(found[0]) and not (said.tls_cert or said.behind_proxy):
        what = "others reach this address: name tls_cert and tls_key, or say behind_proxy = true"
        yield Fault(("webhooks", "listen"), what)
    if bool(said.tls_cert) != bool(said.tls_key):
        lacking = "tls_key" if said.tls_cert else "tls_cert"
        what = f"{lacking} is missing"
        yield Fault(("webhooks", "tls_cert" if said.tls_cert else "tls_key"), what)


def address(listen: str) -> tuple[str, int] | None:
    """Pure: host and port of `listen`; None if that is something else."""
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        return None
    if host != "localhost" and not _network(host):
        return None
    return host, int(port)


def loopback(host: str) -> bool:
    """Pure: is this address only to be reached from this machine?"""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def _network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        return f"{quoted(text)} is no https://HOST or http://HOST"
    return ""
