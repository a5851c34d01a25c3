"""Ports for servers under test."""

import random
import socket

# below those that systems hand to outgoing connections: one of these may take a port between the
# moment when it was found free and the one when the server asks for it
_FIRST, _LAST = 20_000, 32_000


def free_port() -> int:
    """One of this machine that nobody listens on, and that nobody gets by chance."""
    while True:
        port = random.randint(_FIRST, _LAST)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
