"""Request bodies: images out of multipart forms, JSON and plain bytes. Nothing is ever fetched."""

import asyncio
import base64
import binascii
import json
import re
import string
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from swatchbook.server.admission import Admission
from swatchbook.server.offload import LARGE, Offload
from swatchbook.server.problem import Problem

_MOST_FIELDS = 16
# bodies are in memory already: what the parser copies stays there too
_SPOOL = 2**30
# numbers and lists cost many times their text: pixels by the million are sent in binary
_MOST_VALUES = 2 * 2**20
# more than any number of a double or an id has
_MOST_DIGITS = 400
_LONG_NUMBER = re.compile(rb"[0-9]{20,}")

_T = TypeVar("_T")


@asynccontextmanager
async def parsed(
    request: Request, admission: Admission, parse: Callable[[bytes], Awaitable[_T]]
) -> AsyncIterator[_T]:
    """What ``parse`` makes of the whole body, whose bytes count as held until the end.

    Raises:
        Problem: for a coded body: decoding one could cost any memory.
        Full: where too many bytes are held.
        ClientDisconnect: where the client has gone.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise Problem(415, f"Content-Encoding {coding[:20]!r} is not taken; send the bytes as is")
    with admission.of_bytes() as take:
        parts = []
        async for part in request.stream():
            take(len(part))
            parts.append(part)
        body = b"".join(parts)
        parts.clear()
        content = await parse(body)
        # an upload is in memory once from here on, not as often as it was copied
        del body
        yield content


async def images(headers: Headers, body: bytes, most: int, offload: Offload) -> list[bytes]:
    """The encoded images of a body, up to ``most``, by its content type.

    ``multipart/form-data`` with files of any field name, ``application/json`` as
    ``{"images": [base64, …]}``, or the bytes of one image as ``image/*`` or
    ``application/octet-stream``.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _of_form(headers, body, most)
    if kind == "application/json":
        return await offload(_of_json, body, most, size=len(body))
    if kind.startswith("image/") or kind == "application/octet-stream":
        if not body:
            raise Problem(422, "no image: the body is empty")
        return [body]
    raise Problem(
        415, "Content-Type must be multipart/form-data, application/json or image/*",
        {"Accept": "multipart/form-data, application/json, image/*"},
    )  # fmt: skip


def _of_json(body: bytes, most: int) -> list[bytes]:
    content = strict_json(body)
    if not isinstance(content, dict) or set(content) != {"images"}:
        raise Problem(422, 'the JSON must be {"images": [base64, …]} and nothing else')
    return of_base64(content["images"], most)


def of_base64(texts: Any, most: int) -> list[bytes]:
    """Bytes of a list of base64 texts, with or without ``data:…;base64,`` before each."""
    if not isinstance(texts, list) or not texts:
        raise Problem(422, "no image: a list of base64 texts is wanted")
    if len(texts) > most:
        raise Problem(413, f"{len(texts)} images in one request; at most {most}")
    return [_decoded(text, number) for number, text in enumerate(texts)]


def strict_json(body: bytes) -> Any:
    """A JSON document (RFC 8259) of whole characters; no name stands twice, no number is NaN."""
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise Problem(413, f"over {_MOST_VALUES} values in JSON; send pixels as binary data")
    longest = max((len(found[0]) for found in _LONG_NUMBER.finditer(body)), default=0)
    if longest > _MOST_DIGITS:
        # Python reads such in time that grows with the square of their length
        raise Problem(400, f"not valid JSON: a number of {longest} digits")
    try:
        content = json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
        if b"\\ud" in body or b"\\uD" in body:
            # half a character would be an error wherever it is written or told
            json.dumps(content, ensure_ascii=False).encode()
        return content
    except RecursionError:
        raise Problem(400, "the JSON is nested too deeply") from None
    except ValueError as error:  # UnicodeDecodeError, JSONDecodeError, too many digits
        raise Problem(400, f"not valid JSON: {str(error)[:200]}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _decoded(text: Any, number: int) -> bytes:
    if not isinstance(text, str):
        raise Problem(422, f"image {number}: not a text but {type(text).__name__}")
    if text.startswith("data:"):
        head, mark, text = text.partition(";base64,")
        if not mark or len(head) > 100:
            raise Problem(422, f"image {number}: not base64: a data URL without ;base64,")
    # in lines, as `base64` and MIME write it; or for a URL, with or without its padding (RFC 4648)
    text = "".join(text.split()).rstrip("=")
    if "+" not in text and "/" not in text:
        text = text.translate(_FOR_URLS)
    if len(text) % 4 == 1:
        raise Problem(422, f"image {number}: not base64: {len(text)} letters can't be; is it cut?")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        odd = next((letter for letter in text if letter not in _BASE64), "")
        why = f"the letter {odd!r} is none of it" if odd else str(error)
        raise Problem(422, f"image {number}: not base64: {why}") from None


_FOR_URLS = str.maketrans("-_", "+/")
_BASE64 = frozenset(string.ascii_letters + string.digits + "+/=")


async def _of_form(headers: Headers, body: bytes, most: int) -> list[bytes]:
    async def stream() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(body), LARGE):
            yield body[start : start + LARGE]
            await asyncio.sleep(0)

    parser = MultiPartParser(headers, stream(), max_files=most, max_fields=_MOST_FIELDS)
    parser.spool_max_size = _SPOOL
    try:
        form = await parser.parse()
    except MultiPartException as error:
        many = "Too many files" in error.message
        why = f"more than {most} images in one request" if many else error.message
        raise Problem(413 if many else 400, why) from None
    except (KeyError, ValueError) as error:  # no boundary; a header that is no text
        raise Problem(400, f"not a valid form: {error}") from None
    boundary = headers["content-type"].partition("boundary=")[2].partition(";")[0].strip('" ')
    try:
        if f"--{boundary}--".encode("latin-1", "replace") not in body:
            raise Problem(400, "the form is cut off: its end is missing")
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if others := [name for name, value in form.multi_items() if isinstance(value, str)]:
            raise Problem(
                422, f"form field {others[0][:50]!r} is not a file; options go in the URL"
            )
        if not files:
            raise Problem(422, "no image: the form has no file")
        return [await file.read() for file in files]
    finally:
        await form.close()
