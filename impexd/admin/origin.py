"""
Where we are, as browsers see it, and whether a change comes from one of our own pages.

Pure.  A browser says of every request where it comes from (Sec-Fetch-Site, Origin), and a page of
somebody else cannot make it say otherwise; see OWASP's sheet on cross-site request forgery.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from impexd.model.faults import listener
from impexd.model.instance import Admin

COOKIE = "impexd"


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are."""

    url: str
    """As browsers reach us, without a slash at its end."""
    names: frozenset[str] | None
    """Hosts that are ours; None if we cannot know."""
    secure: bool
    """Do browsers speak TLS with us, or with our proxy?"""

    @property
    def cookie(self) -> str:
        """The name of the cookie: with the prefix that binds it to this host, where it may have that."""
        return f"__Host-{COOKIE}" if self.secure else COOKIE

    def ours(self, host: str) -> bool:
        """Is this a name of ours?  A page that has its own name point here is told no."""
        return self.names is None or _bare(host) in self.names


def place(admin: Admin, host: str, port: int) -> Place:
    """Say where we are, listening on an address."""
    secure = bool(admin.tls_cert) or admin.behind_proxy
    shown = f"[{host}]" if ":" in host else host
    url = admin.url or f"{'https' if admin.tls_cert else 'http'}://{shown}:{port}"
    names = {"localhost", "127.0.0.1", "::1", host, urlsplit(url).hostname or ""}
    known = listener.loopback(host) or admin.url is not None
    return Place(url.rstrip("/"), frozenset(names) if known else None, secure)


def same(headers: Mapping[str, str], place: Place, url: Any) -> bool:
    """Does a request that changes something come from a page of ours?"""
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    said = headers.get("origin")
    if said is None:
        return site is not None
    own = f"{'https' if place.secure else url.scheme}://{headers.get('host', '')}"
    return said in (own, place.url)


def equal(one: str, other: str) -> bool:
    """Are two secrets the same?  In a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())


def _bare(host: str) -> str:
    """Pure: a host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
