"""The gate of an HTTP application: who may ask, request ids, the log, errors, the draining end."""

import hmac
import re
import secrets
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from fastapi.responses import Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from swatchbook.server import problem
from swatchbook.server.admission import Admission
from swatchbook.server.telemetry import Telemetry

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOCAL = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE)
_PORT = re.compile(r":\d+$")
_FULL = b'{"error":"too many images are waiting"}'
_FULL_HEADERS = [
    (b"content-type", b"application/json"), (b"retry-after", b"1"),
    (b"content-length", b"%d" % len(_FULL)),
]  # fmt: skip
_LAST = (b"connection", b"close")
_PAGE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'self'; img-src 'self' blob:; "
     b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
]  # fmt: skip


def _nothing(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Rules:
    """Who may ask an application, and what.

    ``key``: who asks must show it (empty: nobody must), but for the paths in ``open``, which a
    probe or a browser asks for before it can have one. ``local``: only requests for names of this
    machine, and those in ``names``, are answered, so that no web page can reach it by rebinding a
    name (DNS rebinding); a key keeps those out too. A POST to a path that ``is_work`` is shed at
    once where there is no room for more. ``headers`` go with every answer.
    """

    key: str = ""
    local: bool = True
    names: Collection[str] = ()
    open: Collection[str] = ()
    is_work: Callable[[str], bool] = _nothing
    headers: Sequence[tuple[bytes, bytes]] = tuple(_PAGE)


class Gate:
    """Before all routes: ids, keys, hosts, the log; and no exception gets past it."""

    def __init__(
        self,
        app: ASGIApp,
        state: object,
        telemetry: Telemetry,
        rules: Rules,
        admission: Admission,
    ) -> None:
        self._admission = admission
        self._app = app
        self._state = state
        self._telemetry = telemetry
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_work = scope["method"] == "POST" and self._rules.is_work(scope["path"])
        if is_work and self._admission.is_full:
            # before anything else is done: there are many of these when there is no time
            self._telemetry.shed()
            # a list of its own: what is around the gate may add to it
            head = [*_FULL_HEADERS, *([_LAST] if self._is_draining else [])]
            await send({"type": "http.response.start", "status": 503, "headers": head})
            await send({"type": "http.response.body", "body": _FULL})
            return
        if scope["method"] == "HEAD":
            # as GET (RFC 9110, 9.3.2); the server leaves out the body
            scope = {**scope, "method": "GET"}
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = [*self._rules.headers, (b"x-request-id", request_id.encode())]
                if self._is_draining:
                    extra.append(_LAST)
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        try:
            refusal = self._refusal(scope["path"], headers)
            await (refusal or self._app)(scope, receive, answer)
        except ClientDisconnect:
            status = 499  # as nginx writes of a client that has gone
        except Exception as error:
            # its text may hold what was sent: the log has where it happened, nobody has more
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._telemetry.write(
                "error", id=request_id, kind=type(error).__name__,
                where=f"{where.filename.rpartition('/')[2]}:{where.lineno}",
            )  # fmt: skip
            if not status:
                await problem.answer(500, "internal error; the log has it under this request's id")(
                    scope, receive, answer
                )
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            images = scope.get("state", {}).get("images", 0)
            self._telemetry.request(
                request_id, scope["method"], route, status,
                seconds=round(time.perf_counter() - started, 5), images=images,
            )  # fmt: skip

    @property
    def _is_draining(self) -> bool:
        return getattr(self._state, "draining", False)

    def _refusal(self, path: str, headers: dict[bytes, bytes]) -> Response | None:
        host = headers.get(b"host", b"").decode("latin-1")
        is_known = _LOCAL.fullmatch(host) or _PORT.sub("", host).lower() in self._rules.names
        if self._rules.local and not is_known:
            return problem.answer(
                403,
                "this service answers to localhost only; with a key in SWATCHBOOK_API_KEY it "
                "answers to every name, and a proxy on this machine may send Host: localhost",
            )
        if not self._rules.key or path in self._rules.open:
            return None
        shown = headers.get(b"x-api-key", b"")
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            shown = token.strip()
        if hmac.compare_digest(shown, self._rules.key.encode()):
            return None
        return problem.answer(
            401, "a key is wanted: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
        )
