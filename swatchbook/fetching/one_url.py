"""One URL to one file: redirects, limits, and every way in which a server can fail."""

import asyncio
import contextlib
import hashlib
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from swatchbook.base.machine import IPNetwork
from swatchbook.fetching import addresses
from swatchbook.fetching.addresses import AddressRefused

REASONS = {
    "http_NNN": "the server answered with that status (404: not found, 403: not allowed, …)",
    "dns": "the host's name is not known",
    "connect": "the host can't be reached, or refuses",
    "reset": "the connection broke off",
    "tls": "its certificate or encryption can't be trusted",
    "fetch_timeout": "no whole answer in time",
    "truncated_body": "the answer ended early",
    "protocol": "the answer is no proper HTTP",
    "encoding": "the answer is compressed in a way that wasn't asked for",
    "redirects": "more than 5 redirects",
    "bad_url": "no URL that can be asked for (malformed, too long, with a password)",
    "scheme": "neither http nor https",
    "ssrf_blocked": "an address that is not of the public internet",
}
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_LONGEST_URL = 8_000
_PIECE = 64 * 1024
_CONNECT_SECONDS = 10.0
# waiting for names is waiting for threads: some that hang must not stop the others
_NAME_THREADS = 64


Headers = CIMultiDict[str] | CIMultiDictProxy[str]


class FetchError(Exception):
    """Why a URL has no file: one of ``REASONS``, or ``too_large``.

    ``headers`` are the answer's, if there was one.
    """

    def __init__(self, reason: str, headers: Headers | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.headers = headers or CIMultiDict()


@dataclass(frozen=True)
class Fetched:
    """What a URL gave: its file's digest and length, and where it was after redirects."""

    sha256: str
    bytes: int
    url: str
    headers: Headers


@contextlib.asynccontextmanager
async def session(agent: str, allowed: Sequence[IPNetwork]) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that connects to public addresses and those in ``allowed`` only.

    It keeps no cookies, heeds no proxy variables (a proxy would connect to unchecked addresses)
    and asks for content as it is.
    """
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_NAME_THREADS, "names"))
    connector = aiohttp.TCPConnector(limit=0, socket_factory=addresses.opener(allowed))
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": agent, "Accept": "image/*", "Accept-Encoding": "identity"},
        # the caller has a limit for all attempts
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        auto_decompress=False,
    ) as client:
        yield client


Before = Callable[[URL], Awaitable[None]]


async def fetch(
    client: aiohttp.ClientSession, url: str, path: Path, most_bytes: int, before: Before
) -> Fetched:
    """Write what ``url`` gives to ``path``; ``before`` is awaited before each request.

    Raises:
        FetchError: where there is nothing, or nothing that may be had.
    """
    async with _answered(client, url, before) as (answer, here):
        if answer.status != 200:
            raise FetchError(f"http_{answer.status}", answer.headers)
        sha256, size = await _written(answer, path, most_bytes)
        return Fetched(sha256, size, str(here), answer.headers)


async def first_bytes(
    client: aiohttp.ClientSession, url: str, most_bytes: int, before: Before
) -> tuple[int, bytes]:
    """Status and content of ``url``, cut off after ``most_bytes``. Raises as ``fetch`` does."""
    async with _answered(client, url, before) as (answer, _):
        expand, _ = _expander(answer.headers.get("Content-Encoding", ""))
        content = b""
        async for piece in answer.content.iter_chunked(_PIECE):
            for part in expand(piece):
                content += part
                if len(content) >= most_bytes:
                    return answer.status, content[:most_bytes]
        return answer.status, content


@contextlib.asynccontextmanager
async def _answered(
    client: aiohttp.ClientSession, url: str, before: Before
) -> AsyncIterator[tuple[aiohttp.ClientResponse, URL]]:
    """The answer after redirects, and where it was found."""
    here = _parsed(url)
    with _named_errors():
        for _ in range(_MOST_REDIRECTS + 1):
            await before(here)
            async with client.get(here, allow_redirects=False) as answer:
                target = answer.headers.get("Location", "")
                if answer.status not in _REDIRECTS or not target:
                    yield answer, here
                    return
            here = _parsed(str(here.join(URL(target))))
    raise FetchError("redirects")


async def _written(answer: aiohttp.ClientResponse, path: Path, most_bytes: int) -> tuple[str, int]:
    expand, is_whole = _expander(answer.headers.get("Content-Encoding", ""))
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        async for piece in answer.content.iter_chunked(_PIECE):
            for part in expand(piece):
                size += len(part)
                if size > most_bytes:
                    raise FetchError("too_large")
                digest.update(part)
                file.write(part)
    if not is_whole():
        raise FetchError("truncated_body")
    return digest.hexdigest(), size


def _expander(encoding: str) -> tuple[Callable[[bytes], Iterator[bytes]], Callable[[], bool]]:
    """What turns pieces of a body into its content, a bounded part at a time, and tells whether
    it was whole.
    """
    if encoding.strip().lower() in ("", "identity"):
        return lambda piece: iter((piece,)), lambda: True
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        raise FetchError("encoding")
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def expand(piece: bytes) -> Iterator[bytes]:
        while piece:
            if stream.eof:
                raise FetchError("encoding")  # what follows the end would pile up in memory
            try:
                yield stream.decompress(piece, _PIECE)
            except zlib.error:
                raise FetchError("encoding") from None
            piece = stream.unconsumed_tail or stream.unused_data

    return expand, lambda: stream.eof


def _parsed(text: str) -> URL:
    """A URL that may be asked for, without its fragment."""
    if len(text) > _LONGEST_URL or any(ord(letter) < 33 for letter in text):
        raise FetchError("bad_url")
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError:
        raise FetchError("bad_url") from None
    if url.scheme not in ("http", "https"):
        raise FetchError("scheme")
    if not host or port == 0 or url.user is not None or url.password is not None:
        raise FetchError("bad_url")
    return url.with_fragment(None)


@contextlib.contextmanager
def _named_errors() -> Iterator[None]:
    """Every error of a request as one of ``REASONS``."""
    try:
        yield
    except aiohttp.ServerTimeoutError:
        raise FetchError("connect") from None
    except (FetchError, TimeoutError):
        raise
    except (aiohttp.InvalidURL, UnicodeError):
        raise FetchError("bad_url") from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError):
        raise FetchError("tls") from None
    except aiohttp.ClientConnectorDNSError:
        raise FetchError("dns") from None
    except aiohttp.ClientConnectorError as error:
        blocked = isinstance(error.os_error, AddressRefused)
        raise FetchError("ssrf_blocked" if blocked else "connect") from None
    except aiohttp.ClientPayloadError:
        raise FetchError("truncated_body") from None
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError):
        raise FetchError("reset") from None
    except (aiohttp.ClientError, ValueError):
        raise FetchError("protocol") from None
