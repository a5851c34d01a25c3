"""``swatchbook call``: what the service says, and where the time goes."""

import re
from pathlib import Path

import pytest
from support.pictures import encoded, texture
from support.project import Project
from support.services import Service

CALL = ("python", "-m", "swatchbook", "call")


def test_images_are_answered_and_times_add_up(
    finished: Project, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "good.png").write_bytes(encoded(texture(1)))
    (tmp_path / "bad.png").write_bytes(b"junk")
    done = finished.run(*CALL, service.url, str(tmp_path / "good.png"), "--n", "5")
    assert re.search(r"good\.png: (red|green|blue) \d+\.\d%, ", done.stdout)
    found = re.fullmatch(
        r"call: 5 calls in ([\d.]+) s: ([\d.]+) s of compute, ([\d.]+) s of overhead; median .*\n",
        done.stderr,
    )
    assert found
    total, compute, overhead = map(float, found.groups())
    assert total == pytest.approx(compute + overhead, abs=0.002)
    assert 0 < compute < total
    (tmp_path / "empty.png").touch()
    names = [str(tmp_path / f"{name}.png") for name in ("bad", "empty", "good")]
    done = finished.run(*CALL, service.url, *names, ok=False)
    assert done.returncode == 1
    said = [line.partition("png: ")[2].partition(" ")[0] for line in done.stdout.splitlines()]
    assert said[:2] == ["not_image", "no"]
    assert "empty.png: no image: the body is empty" in done.stdout
    assert len(said) == 3
    assert "call: 3 calls in" in done.stderr


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:9", "error: http://127.0.0.1:9: "),
        ("{service}/none", "status 404: not found"),
        ("nonsense", "error: nonsense: Invalid URL"),
    ],
)
def test_a_service_that_does_not_answer_is_one_line(
    finished: Project, service: Service, tmp_path: Path, url: str, says: str
) -> None:
    (tmp_path / "good.png").write_bytes(encoded(texture(1)))
    address = url.format(service=service.url)
    done = finished.run(*CALL, address, str(tmp_path / "good.png"), ok=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
