"""Servers of remote storage on the loopback, each with what DVC needs to use it."""

import asyncio
import contextlib
import functools
import http.server
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh


@dataclass(frozen=True)
class Storage:
    """A place for results: its URL, settings for all, and what only one clone may know.

    ``folder`` is where its files stand, for a test to read and to damage.
    """

    url: str
    folder: Path | None = None
    settings: dict[str, str] = field(default_factory=dict)
    local: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def s3() -> Iterator[Storage]:
    """An S3 server (moto) with the bucket ``bucket``, in memory."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        make = urllib.request.Request(f"{endpoint}/bucket", method="PUT")
        urllib.request.urlopen(make).close()
        yield Storage(
            "s3://bucket/swatches",
            settings={"endpointurl": endpoint, "region": "us-east-1"},
            environment={"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"},
        )
    finally:
        server.stop()


class _Server(asyncssh.SSHServer):
    def __init__(
        self, key: asyncssh.SSHKey, connections: list[asyncssh.SSHServerConnection]
    ) -> None:
        self._key = key.convert_to_public()
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "team" and key == self._key


@contextlib.contextmanager
def ssh(folder: Path) -> Iterator[Storage]:
    """An SSH server with SFTP, which lets in one key; its root is ``folder``."""
    root = folder / "root"
    root.mkdir(parents=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    keyfile = folder / "key"
    key.write_private_key(keyfile)
    keyfile.chmod(0o600)
    connections: list[asyncssh.SSHServerConnection] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            server_factory=functools.partial(_Server, key, connections),
            sftp_factory=functools.partial(asyncssh.SFTPServer, chroot=str(root)),
        )  # fmt: skip

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(30)
    try:
        url = f"ssh://team@127.0.0.1:{server.get_port()}/swatches"
        yield Storage(url, root / "swatches", local={"keyfile": str(keyfile)})
    finally:

        async def end() -> None:
            server.close()
            for connection in connections:
                connection.abort()
                await connection.wait_closed()
            await server.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def list_directory(self, path: object) -> None:
        # as most servers are set up
        self.send_error(403)


@contextlib.contextmanager
def web(folder: Path) -> Iterator[Storage]:
    """A web server of the files in ``folder``: for reading, without listings."""
    handler = functools.partial(_Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Storage(f"http://127.0.0.1:{server.server_port}", folder)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
