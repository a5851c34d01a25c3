"""Which sockets an application may open."""

import pytest

from swatchbook.base.errors import ParamsError
from swatchbook.server import running


def test_what_is_loopback() -> None:
    for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1"):
        assert running.is_loopback(host)
    for host in ("0.0.0.0", "::", "192.168.1.2"):
        assert not running.is_loopback(host)
    with pytest.raises(ParamsError, match="--host: 'everywhere' is not an IP address"):
        running.is_loopback("everywhere")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_port_in_use_is_one_line(host: str) -> None:
    with running.bound(host, 0) as own:
        own.listen()
        port = own.getsockname()[1]
        with pytest.raises(ParamsError, match=f"--port: {port} at {host} can't be had .address"):
            running.bound(host, port)
