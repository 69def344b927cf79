"""Partners that play on this machine: an HTTP server that honours keys or not, a mail server, SFTP."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import anyio
import asyncssh
from aiosmtpd.smtp import SMTP
from anyio.streams.tls import TLSAttribute

from tests import peer
from tests.peer import answer

Behave = Callable[["Partner", dict[str, str], str], bytes | None]
"""What a partner does with a request (headers, body): its answer, or None to break off."""


@dataclass
class Partner:
    """An HTTP partner: what it was asked, and what took effect there."""

    url: str = ""
    honours: bool = True
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    """(request line, headers, body) of each request."""
    known: dict[str, str] = field(default_factory=dict)
    """Key -> body of what it has taken."""
    effects: list[str] = field(default_factory=list)
    """Keys, once for each time that something took effect."""
    behave: Behave | None = None
    names: list[str] = field(default_factory=list)
    """Who asked, as their certificates say."""

    def take(self, headers: dict[str, str], body: str) -> bytes:
        """Take what comes, once for each key if keys are honoured."""
        key = headers.get("idempotency-key", "")
        if self.honours and key in self.known:
            if self.known[key] != body:
                return answer(b'{"error": "other body"}', "409 Conflict")
        else:
            self.effects.append(key)
        self.known[key] = body
        ref = f"R-{len(self.known)}"
        return answer(json.dumps({"ok": True, "ref": ref}).encode(), "201 Created")


@asynccontextmanager
async def http(
    behave: Behave | None = None, *, honours: bool = True, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Partner]:
    """Play a partner for as long as the block lasts."""
    partner = Partner(honours=honours, behave=behave)

    async def play(text: str, stream: anyio.abc.ByteStream) -> None:
        head, _, body = text.partition("\r\n\r\n")
        first, *rest = head.split("\r\n")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in rest}
        partner.asked.append((first, headers, body))
        if shown := stream.extra(TLSAttribute.peer_certificate, None):
            partner.names.append(dict(pair for (pair, *_) in shown["subject"])["commonName"])
        said = partner.behave(partner, headers, body) if partner.behave else None
        if said is None and partner.behave is None:
            said = partner.take(headers, body)
        if said is not None:
            await stream.send(said)

    async with peer.peer(play, tls) as there:
        partner.url = there.url if tls is None else there.url.replace("http:", "https:")
        yield partner


@dataclass
class Postbox:
    """A mail server, and what came."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    refuse: str | None = None
    """What is answered to DATA instead of taking it."""

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse is not None:
            return self.refuse
        self.mails.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        self.to.append(list(envelope.rcpt_tos))
        return f"250 OK queued as {len(self.mails)}"


@asynccontextmanager
async def smtp() -> AsyncIterator[Postbox]:
    """Play a mail server for as long as the block lasts."""
    box = Postbox()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="mx.example"), "127.0.0.1", 0
    )
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Server:
    """An SFTP server."""

    port: int
    folder: Path
    known_hosts: Path
    password: Path


class _Login(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("shop", "s3cret")


@asynccontextmanager
async def sftp(home: Path) -> AsyncIterator[Server]:
    """Play an SFTP server for as long as the block lasts."""
    folder = home / "sftp"
    folder.mkdir(exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")

    def chrooted(channel: Any) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(folder).encode())

    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=_Login, sftp_factory=chrooted
    )
    port = server.sockets[0].getsockname()[1]
    known, password = home / "known_hosts", home / "sftp.password"
    known.write_bytes(f"[127.0.0.1]:{port} ".encode() + key.export_public_key())
    password.write_text("s3cret\n")
    password.chmod(0o600)
    try:
        yield Server(port, folder, known, password)
    finally:
        server.close()
        await server.wait_closed()
