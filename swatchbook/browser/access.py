"""Who may look and act: a token even on this machine, and no page of another site.

Other users of a machine reach its loopback address, and so does every page that its browser shows.
"""

import hmac
from urllib.parse import parse_qsl, urlencode

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from swatchbook.base import files
from swatchbook.server import problem

# a browser asks for these before it can show anything, and they hold nothing of a project
OPEN = ("/static/style.css", "/favicon.ico")
HEADERS = [
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
     b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
     b"require-trusted-types-for 'script'; trusted-types 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
]  # fmt: skip
_TOKEN = "token"
_FORM = "/token"
_LONGEST_FORM = 4096


class Access:
    """Before the routes of the browser; ``ask`` is the page that asks for the token."""

    def __init__(self, app: ASGIApp, token: str, port: int, read_only: bool, ask: bytes) -> None:
        self._app = app
        self._token = token
        # whatever letters a key has, and it is in no file of a browser
        self._worn = files.digest(token.encode())
        # cookies of one host are shared by all its ports
        self._cookie = f"swatchbook_{port}"
        self._read_only = read_only
        self._ask = ask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message.get("headers", [])}
                if b"cache-control" not in names:
                    message["headers"] = [*message["headers"], (b"cache-control", b"no-store")]
            await send(message)

        answered = (
            await self._given(headers, receive)
            if (scope["method"], scope["path"]) == ("POST", _FORM)
            else self._answered(scope, headers)
        )
        await (answered or self._app)(scope, receive, answer)

    def _answered(self, scope: Scope, headers: dict[bytes, bytes]) -> Response | None:
        if scope["path"] in OPEN:
            return None
        reads = scope["method"] in ("GET", "HEAD")
        if reads and (first := self._first(scope)):
            return first
        bearer = self._bearer(headers)
        worn = hmac.compare_digest(self._of_cookie(headers), self._worn.encode())
        if not (self._is_right(bearer) if bearer else worn):
            return self._refused(scope, headers)
        if reads:
            return None
        if self._read_only:
            return problem.answer(403, "this is for reading only (--read-only, or --run)")
        return self._cross_site(headers, bearer)

    async def _given(self, headers: dict[bytes, bytes], receive: Receive) -> Response:
        """Of the page that asks for the token: not in an address, which proxies write down."""
        body = b""
        while len(body) <= _LONGEST_FORM:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        given = dict(parse_qsl(body.decode("latin-1"))).get(_TOKEN, "")
        if len(body) > _LONGEST_FORM or not self._is_right(given.encode("latin-1", "replace")):
            return Response(self._ask, 401, media_type="text/html")
        is_https = headers.get(b"origin", b"").startswith(b"https:")
        return self._let_in(RedirectResponse("/", 303), secure=is_https)

    def _let_in(self, response: Response, secure: bool = False) -> Response:
        response.set_cookie(
            self._cookie, self._worn, path="/", httponly=True, samesite="lax", secure=secure
        )
        return response

    def _first(self, scope: Scope) -> Response | None:
        """Who comes with the token in the address gets it as a cookie, and a clean address."""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(pairs).get(_TOKEN)
        if given is None or not self._is_right(given.encode()):
            return None
        rest = urlencode([(name, value) for name, value in pairs if name != _TOKEN])
        # a path that begins with two slashes would be another host's
        path = "/" + scope["path"].lstrip("/")
        return self._let_in(RedirectResponse(f"{path}{rest and '?'}{rest}", 303))

    def _refused(self, scope: Scope, headers: dict[bytes, bytes]) -> Response:
        if b"text/html" in headers.get(b"accept", b"") and scope["method"] == "GET":
            return Response(self._ask, 401, media_type="text/html")
        return problem.answer(401, "the token is wanted that `swatchbook browse` printed")

    @staticmethod
    def _cross_site(headers: dict[bytes, bytes], bearer: bytes) -> Response | None:
        origin, host = headers.get(b"origin"), headers.get(b"host", b"")
        # a script with the token in a header is no page
        is_own = origin in (b"http://" + host, b"https://" + host) or (origin is None and bearer)
        if not is_own or headers.get(b"sec-fetch-site", b"same-origin") != b"same-origin":
            return problem.answer(403, "pages of other sites may not do this")
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            return problem.answer(415, "application/json is wanted")
        return None

    @staticmethod
    def _bearer(headers: dict[bytes, bytes]) -> bytes:
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        return given.strip() if scheme.lower() == b"bearer" else b""

    def _of_cookie(self, headers: dict[bytes, bytes]) -> bytes:
        # those of other applications on this host may be of any form
        for part in headers.get(b"cookie", b"").split(b";"):
            name, _, value = part.strip().partition(b"=")
            if name == self._cookie.encode():
                return value
        return b""

    def _is_right(self, given: bytes) -> bool:
        return hmac.compare_digest(given, self._token.encode())
