"""Partners who take files, played by this process: an SFTP server, an S3 store."""

import hashlib
import logging
import os
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncssh
from anyio import from_thread

logging.getLogger("asyncssh").setLevel(logging.CRITICAL)

USER, PASSWORD = "shop", "hunter2 is no password"


class Sftp:
    """An SFTP server that can be cut off, stopped and started again where it was."""

    def __init__(self, folder: Path, etc: Path) -> None:
        self.folder = folder / "partner"
        self.etc = etc
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.port = 0
        self.cut_after: int | None = None
        """Bytes after which the server dies; None: never."""
        self.cut_at_rename = ""
        """`before` or `after`: the connection breaks before a rename is made, or before it is answered."""
        self.logins = 0
        self.seen: dict[str, set[str]] = {}
        """Name -> hashes of what stood there whenever something was written or renamed."""
        self._server: Any = None
        self._connections: list[Any] = []
        self.folder.mkdir()

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=lambda: _Door(self),
            server_host_keys=[self.key],
            sftp_factory=lambda channel: _Files(channel, self),
            allow_scp=False,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Die: nobody is answered any more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self._connections:
            connection.abort()
        self._connections.clear()

    def known(self, key: Any = None) -> None:
        """Write the file that says which key we have."""
        public = (key or self.key).export_public_key().decode().strip()
        (self.etc / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}\n")

    def target(self, more: str = "") -> str:
        """Write `[target]` with a password, and what belongs to it."""
        self.known()
        secret = self.etc / "partner.password"
        secret.write_text(f"{PASSWORD}\n")
        secret.chmod(0o600)
        return (
            f'[target]\nkind = "sftp"\nhost = "127.0.0.1"\nport = {self.port}\nuser = "{USER}"\n'
            f'known_hosts = "known_hosts"\npassword = {{ file = "partner.password" }}\n{more}'
        )

    def files(self) -> dict[str, bytes]:
        """What lies there under a name that somebody looks at."""
        return {
            path.name: path.read_bytes()
            for path in self.folder.iterdir()
            if path.is_file() and not path.name.startswith(".")
        }

    def look(self) -> None:
        """Note what everybody sees at this moment."""
        for name, data in self.files().items():
            self.seen.setdefault(name, set()).add(hashlib.sha256(data).hexdigest())


class _Door(asyncssh.SSHServer):
    def __init__(self, peer: Sftp) -> None:
        self._peer = peer

    def connection_made(self, conn: Any) -> None:
        self._peer._connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._peer.logins += 1
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: Any) -> bool:
        allowed = self._peer.folder / ".authorized"
        text = key.export_public_key().decode().split()[1]
        return allowed.exists() and text in allowed.read_text()


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: Any, peer: Sftp) -> None:
        super().__init__(channel, chroot=os.fsencode(peer.folder))
        self._peer = peer

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        peer = self._peer
        if peer.cut_after is not None:
            peer.cut_after -= len(data)
            if peer.cut_after <= 0:
                peer.stop()
                raise asyncssh.SFTPConnectionLost("cut")
        written = super().write(file_obj, offset, data)
        peer.look()
        return int(written)

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        when, self._peer.cut_at_rename = self._peer.cut_at_rename, ""
        if when == "before":
            self._peer.stop()
            raise asyncssh.SFTPConnectionLost("cut")
        super().rename(oldpath, newpath)
        self._peer.look()
        if when == "after":
            self._peer.stop()


@asynccontextmanager
async def sftp(folder: Path, etc: Path) -> AsyncIterator[Sftp]:
    """Play an SFTP server for as long as the block lasts."""
    peer = Sftp(folder, etc)
    await peer.start()
    try:
        yield peer
    finally:
        peer.stop()


@contextmanager
def sftp_apart(folder: Path, etc: Path) -> Iterator[Sftp]:
    """Play an SFTP server in a thread of its own, for tests that do not await anything."""
    with from_thread.start_blocking_portal() as portal:
        peer = Sftp(folder, etc)
        portal.call(peer.start)
        try:
            yield peer
        finally:
            portal.call(peer.stop)


class S3:
    """An S3 store, with one bucket."""

    BUCKET = "exports"

    def __init__(self, etc: Path) -> None:
        self.etc = etc
        self.port = 0
        self._server: Any = None

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before; what it held it holds still."""
        from moto.server import ThreadedMotoServer  # takes its time to load

        self._server = ThreadedMotoServer("127.0.0.1", self.port, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        """Die."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def target(self, more: str = "") -> str:
        """Write `[target]`, and the secret that belongs to it."""
        secret = self.etc / "store.key"
        secret.write_text("AKIA secret\n")
        secret.chmod(0o600)
        return (
            f'[target]\nkind = "s3"\nbucket = "{self.BUCKET}"\nendpoint = "{self.endpoint}"\n'
            f'allow_http = true\naccess = {{ file = "store.key" }}\n{more}'
        )

    def bucket(self) -> None:
        """Make the bucket, with nothing in it."""
        for call in ("/moto-api/reset",):
            urllib.request.urlopen(urllib.request.Request(self.endpoint + call, method="POST"))
        made = urllib.request.Request(f"{self.endpoint}/{self.BUCKET}", method="PUT")
        urllib.request.urlopen(made)

    def files(self) -> dict[str, bytes]:
        """All objects."""
        import boto3

        found = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id="AKIA",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        keys = [one["Key"] for one in found.list_objects_v2(Bucket=self.BUCKET).get("Contents", ())]
        return {key: found.get_object(Bucket=self.BUCKET, Key=key)["Body"].read() for key in keys}


@contextmanager
def s3(etc: Path) -> Iterator[S3]:
    """Play an S3 store for as long as the block lasts."""
    peer = S3(etc)
    peer.start()
    try:
        peer.bucket()
        yield peer
    finally:
        peer.stop()
