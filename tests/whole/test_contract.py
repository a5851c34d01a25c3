"""The service against its own description: whatever is generated from it, no server error."""

import subprocess
import sys
from pathlib import Path

import psutil
import requests
from support.full import FULL
from support.pictures import encoded, texture
from support.services import Service

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,unsupported_method"
)


def test_no_generated_request_makes_a_server_error(service: Service) -> None:
    tool = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [tool, "run", f"{service.url}/openapi.json", "--checks", CHECKS,
         "--max-examples", "100" if FULL else "10", "--seed", "1", "--request-timeout", "10"],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    assert "Tested: 14" in done.stdout


def test_mixed_requests_leave_nothing_behind(service: Service) -> None:
    """F20 in small; benchmarks/endurance.py does it with 10,000."""
    process = psutil.Process(service.process.pid)
    good = encoded(texture(1, side=300))
    session = requests.Session()

    def mixed() -> None:
        for number in range(60 if FULL else 20):
            for body, headers in (
                (good, {"Content-Type": "image/png"}),
                (b"junk", {"Content-Type": "image/png"}),
                (b'{"images": ["?"]}', {"Content-Type": "application/json"}),
                (b"[" * 5000, {"Content-Type": "application/json"}),
                (b"--x", {"Content-Type": "multipart/form-data; boundary=y"}),
            ):
                session.post(f"{service.url}/v1/classify", data=body, headers=headers, timeout=30)
            if number % 10 == 0:
                requests.get(f"{service.url}/none", timeout=30)

    mixed()
    before = process.memory_info().rss, process.num_fds()
    for _ in range(2):
        mixed()
    after = process.memory_info().rss, process.num_fds()
    assert after[0] - before[0] < 20e6
    assert after[1] - before[1] <= 2
