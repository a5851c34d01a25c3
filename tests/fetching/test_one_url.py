"""One URL to one file: each fault of a server is one reason, within the limits."""

import asyncio
import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.fault_server import BOMB, FaultServer, picture
from yarl import URL

from swatchbook.base import files
from swatchbook.fetching import one_url
from swatchbook.fetching.one_url import Fetched, FetchError

LOOPBACK = [ipaddress.ip_network("127.0.0.5/32")]
FILE = Path("file")


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    server = FaultServer("127.0.0.5")
    yield server
    server.close()


async def nothing(_: URL) -> None:
    pass


def fetch(url: str, most_bytes: int = 10**6, seconds: float = 2.0) -> Fetched:
    async def once() -> Fetched:
        async with one_url.session("test", LOOPBACK) as client, asyncio.timeout(seconds):
            return await one_url.fetch(client, url, FILE, most_bytes, nothing)

    return asyncio.run(once())


def reason(url: str) -> str:
    with pytest.raises(FetchError) as found:
        fetch(url)
    return found.value.reason


def test_a_file_is_written_with_its_digest(server: FaultServer) -> None:
    found = fetch(server.url("/ok/1#fragment"))
    assert FILE.read_bytes() == picture(1)
    assert (found.sha256, found.bytes) == (files.digest(picture(1)), len(picture(1)))
    assert found.url == server.url("/ok/1")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/status/404", "http_404"),  # C01
        ("/status/500", "http_500"),  # C02
        ("/status/403", "http_403"),
        ("/reset", "reset"),  # C05
        ("/reset/body", "truncated_body"),
        ("/raw/short", "truncated_body"),  # C06
        ("/raw/negative", "protocol"),
        ("/raw/two", "protocol"),
        ("/raw/chunk", "protocol"),  # C07
        ("/raw/unterminated", "truncated_body"),
        ("/raw/nonsense", "protocol"),
        ("/raw/nothing", "reset"),
        ("/endless", "too_large"),  # C08
        ("/brotli", "encoding"),
        ("/bomb", "too_large"),  # C10
        ("/cut/1", "truncated_body"),
        ("/tail", "encoding"),
        ("/chain/6", "redirects"),  # C11
        ("/loop_", "redirects"),
        ("/headers/long", "protocol"),  # C21
        ("/headers/many", "protocol"),
    ],
)
def test_a_fault_is_one_reason(server: FaultServer, path: str, expected: str) -> None:
    assert reason(server.url(path)) == expected


@pytest.mark.parametrize("path", ["/drip", "/drip/headers", "/silent"])
def test_the_limit_of_time_is_for_the_whole(server: FaultServer, path: str) -> None:  # C09
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        fetch(server.url(path), seconds=0.7)
    assert time.monotonic() - started < 1.7


def test_what_was_compressed_unasked_is_expanded_within_the_limit(server: FaultServer) -> None:
    fetch(server.url("/gzipped/2"))
    assert FILE.read_bytes() == picture(2)
    assert reason(server.url("/bomb")) == "too_large"
    assert FILE.stat().st_size <= 10**6 < BOMB


def test_a_few_redirects_are_followed(server: FaultServer) -> None:  # C11
    assert fetch(server.url("/chain/4")).url == server.url("/ok/5")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///etc/passwd", "scheme"), ("ftp://example.org/a", "scheme"),
        ("data:image/png;base64,AA", "scheme"), ("gopher://a/", "scheme"),
        ("javascript:alert(1)", "scheme"), ("\\\\host\\share\\a.png", "scheme"),
        ("//example.org/a", "scheme"), ("a.jpg", "scheme"), ("", "scheme"),
        ("http://user:secret@example.org/a", "bad_url"), ("http://user@example.org/", "bad_url"),
        ("http://a\r\nHost: b/", "bad_url"), ("http://a b/", "bad_url"),
        ("http:///a", "bad_url"), ("http://[::1", "bad_url"), ("http://a:99999/", "bad_url"),
        ("http://a:0/", "bad_url"), ("http://a/" + "b" * 100_000, "bad_url"),
        ("http://xn--/", "bad_url"), ("http://does-not-exist.invalid/a", "dns"),
    ],
)  # fmt: skip
def test_what_is_no_url_to_ask_for(url: str, expected: str) -> None:  # C04, C14
    assert reason(url) == expected


def test_a_redirect_to_another_scheme_is_not_followed(server: FaultServer) -> None:  # C11
    assert reason(server.url(f"/to/{b'file:///etc/passwd'.hex()}")) == "scheme"
    assert reason(server.url(f"/to/{b'http://u:p@127.0.0.5/'.hex()}")) == "bad_url"


def test_a_port_where_nobody_listens_is_connect() -> None:  # C05
    with socket.create_server(("127.0.0.5", 0)) as free:
        port = free.getsockname()[1]
    assert reason(f"http://127.0.0.5:{port}/") == "connect"


def test_a_certificate_that_nobody_vouches_for_is_not_trusted() -> None:  # C15
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.5")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    Path("own.pem").write_bytes(private + certificate.public_bytes(pem))
    server = FaultServer("127.0.0.5", certificate=Path("own.pem"))
    try:
        assert reason(server.url("/ok/1")) == "tls"
        assert not server.requests
    finally:
        server.close()


class Canary:
    """Counts connections to any of this machine's addresses but the one that is allowed."""

    def __init__(self) -> None:
        self.seen = 0
        self._sockets = [socket.create_server(("", 0), dualstack_ipv6=False)]
        self.port = self._sockets[0].getsockname()[1]
        with contextlib.suppress(OSError):  # a container may have no IPv6
            self._sockets.append(socket.create_server(("::", self.port), family=socket.AF_INET6))
        for each in self._sockets:
            threading.Thread(target=self._watch, args=[each], daemon=True).start()

    def _watch(self, own: socket.socket) -> None:
        while True:
            try:
                connection, _ = own.accept()
            except OSError:
                return
            self.seen += 1
            connection.close()

    def close(self) -> None:
        for each in self._sockets:
            each.close()


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    canary = Canary()
    with socket.create_connection(("127.0.0.1", canary.port)):
        pass
    deadline = time.monotonic() + 5
    while not canary.seen and time.monotonic() < deadline:
        time.sleep(0.01)
    assert canary.seen == 1  # it does see what comes
    canary.seen = 0
    yield canary
    canary.close()


HOSTS = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "127.000.000.001",
    "0",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "ip6-localhost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[fc00::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "100.64.0.1",
    "168.63.129.16",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.0.192",
    "198.18.0.1",
    "127.0.0.1%2f",
    "%31%32%37.0.0.1",
    "①②⑦.0.0.1",
    "127。0。0。1",
]


@pytest.mark.parametrize("host", HOSTS)
def test_no_address_of_this_machine_or_network_is_reached(
    server: FaultServer, canary: Canary, host: str
) -> None:  # C12: directly, and by a redirect from a server that may be asked
    url = f"http://{host}:{canary.port}/latest/meta-data"
    refused = ("ssrf_blocked", "bad_url", "dns", "scheme", "protocol")
    assert reason(url) in refused
    assert reason(server.url(f"/to/{url.encode().hex()}")) in refused
    assert canary.seen == 0


def test_the_address_that_was_checked_is_the_one_connected_to(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:  # C13: a name that is public when it is looked up first, and this machine's then
    answers = iter(["8.8.8.8"])
    resolve = socket.getaddrinfo

    def rebinding(host: str, port: int, *rest: object, **options: object) -> object:
        if host != "rebinding.example":
            return resolve(host, port, *rest, **options)  # type: ignore[call-overload]
        address = next(answers, "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    next(answers)  # whoever checked a name would have seen this
    assert reason(f"http://rebinding.example:{canary.port}/") == "ssrf_blocked"
    assert canary.seen == 0


def test_a_name_with_several_addresses_reaches_only_the_checked_ones(
    server: FaultServer, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:  # C13
    def mixed(host: str, port: int, *_: object, **__: object) -> object:
        hosts = ("127.0.0.1", "::1") if host == "private.example" else ("127.0.0.1", "127.0.0.5")
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in hosts
        ]  # fmt: skip

    monkeypatch.setattr(socket, "getaddrinfo", mixed)
    assert reason(f"http://private.example:{canary.port}/") == "ssrf_blocked"
    assert fetch(f"http://mixed.example:{server.port}/ok/1").bytes == len(picture(1))
    assert canary.seen == 0


def test_proxy_variables_are_not_heeded(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # C16: a proxy would connect to addresses that nobody checked
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(server.url("/ok/3")).bytes == len(picture(3))


def test_a_full_disk_is_no_fault_of_the_server(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(_to_full_disk(server))


async def _to_full_disk(server: FaultServer) -> None:
    async with one_url.session("test", LOOPBACK) as client:
        full = Path("/dev/full")
        if not full.exists():
            pytest.skip("this system has no /dev/full")
        await one_url.fetch(client, server.url("/ok/1"), full, 10**6, nothing)
