"""The gate by itself; with an application behind it: tests/service/test_app.py."""

import asyncio
from io import StringIO
from types import SimpleNamespace
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.types import Message

from swatchbook.server.admission import Admission
from swatchbook.server.gate import Gate, Rules
from swatchbook.server.telemetry import Telemetry


def test_who_is_shed_gets_the_same_each_time() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    state = SimpleNamespace(draining=False)
    full: Any = Admission(0, 0)
    gate: Any = Gate(None, state, Telemetry(StringIO()), Rules(is_work=lambda _: True), full)  # type: ignore[arg-type]
    around = CORSMiddleware(gate, allow_origins=["https://shop.example"])
    scope = {
        "type": "http", "method": "POST", "path": "/v1/classify",
        "headers": [(b"origin", b"https://shop.example")],
    }  # fmt: skip
    for _ in range(3):
        asyncio.run(around(scope, None, send))  # type: ignore[arg-type]
    heads = [dict(message["headers"]) for message in sent if "status" in message]
    assert heads[0] == heads[1] == heads[2]
    assert heads[0][b"vary"] == b"Origin"
    assert b"connection" not in heads[0]
    state.draining = True
    asyncio.run(gate(scope, None, send))
    assert dict(sent[-2]["headers"])[b"connection"] == b"close"
