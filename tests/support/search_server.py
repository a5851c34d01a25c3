"""A search service on loopback that gives the answers it is told, and notes what it was asked."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Reply = tuple[int, dict[str, str], bytes]


def told(answer: Any, status: int = 200, **headers: str) -> Reply:
    """A reply with JSON."""
    return status, headers, json.dumps(answer).encode()


class SearchServer:
    """``reply`` makes the answer of a request from its parameters."""

    def __init__(self, reply: Callable[[dict[str, str]], Reply]) -> None:
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.times.append(time.monotonic())
                parameters = dict(parse_qsl(urlsplit(self.path).query))
                outer.asked.append(parameters)
                outer.headers.append({name.lower(): text for name, text in self.headers.items()})
                status, headers, body = reply(parameters)
                self.send_response(status)
                for name, text in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name.replace("_", "-"), text)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/api"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05])
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
