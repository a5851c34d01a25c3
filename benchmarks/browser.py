"""`swatchbook browse` with many images, in a real browser: what is waited for, and what it holds.

    python -m benchmarks.browser --images 100000

Made-up tables of ten classes, 400 pictures of 256 pixels, 100,000 label fixes there already;
Chromium without a window, with software graphics. Needs `apt-get install chromium`.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests
from playwright.sync_api import Page, sync_playwright

from benchmarks import harness, made_tables
from swatchbook.project import tables
from swatchbook.project.tables import Features

PICTURES, FIXES, JUMPS = 400, 100_000, 20
# since the page was asked for: the grid is drawn, and all pictures in sight are there
DRAWN = "() => document.querySelector('.cell[data-key]:not([data-key=\"\"])') && performance.now()"
SHOWN = """() => {
  const box = document.querySelector('#grid').getBoundingClientRect();
  const seen = [...document.querySelectorAll('.cell:not([hidden]) img')].filter((one) => {
    const own = one.getBoundingClientRect();
    return own.top < box.bottom && own.bottom > box.top;
  });
  return seen.length > 0 && seen.every((one) => one.naturalWidth > 0) && performance.now();
}"""
MAPPED = "() => document.querySelector('#legend .key') && performance.now()"
FRAMES = """() => new Promise((done) => {
  const grid = document.querySelector('#grid'), times = [], start = performance.now();
  let last = start;
  const step = (now) => {
    times.push(now - last); last = now; grid.scrollTop += 40;
    now - start < 3000 ? requestAnimationFrame(step) : done(times.slice(1));
  };
  requestAnimationFrame(step);
})"""


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _fixes(folder: Path, images: int) -> None:
    """Many acts on few images: suspects must be left."""
    day = "2026-01-01T00:00:00"
    rows = (
        f"{made_tables.digest(number % (images // 20))},class 1,,ann,{day}.{number:06}+00:00"
        for number in range(FIXES)
    )
    (folder / "annotations").mkdir()
    text = "\n".join(["sha256,label,note,annotator,time", *rows]) + "\n"
    (folder / "annotations/made.csv").write_text(text)


class _Server:
    def __init__(self, folder: Path, pictures: Path) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(harness.ROOT),
            "SWATCHBOOK_CACHE": str(folder / "cache"),
        }
        command = [sys.executable, "-m", "benchmarks.browse_made", str(pictures), "--no-open"]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.entry = re.findall(r"http://\S+", self.process.stdout.readline())[0]
        self.url, _, token = self.entry.partition("/?token=")
        self.head = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> requests.Response:
        answer = requests.get(self.url + path, headers=self.head, timeout=600)
        answer.raise_for_status()
        return answer

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


def _of_server(server: _Server) -> dict[str, float]:
    """Seconds of answers, the second time; and of an act."""
    found = {}
    for name, path in (
        ("a filter", "/api/images?label=class+1&result=wrong"),
        ("an order, first use", "/api/images?sort=-margin"),
        ("an order", "/api/images?sort=-margin"),
        ("counts of all filters", "/api/facets?subset=test"),
    ):
        if "first" not in name:
            server.get(path)
        found[name] = _seconds(lambda path=path: server.get(path))  # type: ignore[misc]
    digits = server.get("/api/images?limit=20&offset=500").json()["sha256"]
    times = []
    for sha256 in digits:
        act = {"snapshot": "", "acts": [{"sha256": sha256, "do": "exclude"}]}
        times.append(
            _seconds(
                lambda act=act: requests.post(  # type: ignore[misc]
                    f"{server.url}/api/acts", json=act, headers=server.head, timeout=60
                )
            )
        )
    return {**found, f"an act on disk, {FIXES:,} there": statistics.median(times)}


def _features(count: int) -> None:
    """Of each image 64 numbers, around one of twenty places."""
    chance = np.random.default_rng(0)
    places = 3 * chance.normal(0, 1, (20, 64)).astype(np.float32)
    vectors = places[chance.integers(0, 20, count)]
    vectors = vectors + chance.normal(0, 1, (count, 64)).astype(np.float32)
    names = [made_tables.digest(number) for number in range(count)]
    tables.write_features(Features(names, vectors, {"network": "made"}))


def _laid_out(folder: Path) -> None:
    own = {"PYTHONPATH": str(harness.ROOT), "SWATCHBOOK_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "swatchbook.browser.data.layout"]
    subprocess.run(
        command, cwd=folder, env={**os.environ, **own}, stdout=subprocess.DEVNULL, check=True
    )


def _of_map(page: Page, server: _Server) -> dict[str, float]:
    """Drawn from where the browser asked for it; chosen by what is seen."""
    times = []
    for _ in range(3):
        page.goto(f"{server.url}/map", wait_until="commit")
        times.append(page.wait_for_function(MAPPED).json_value() / 1000)
    address = server.get("/api/map").json()["map"]
    area = f"/api/images?area={address}:0,0;0.5,0;0.5,0.5;0,0.5"
    server.get(area)
    near = f"/api/images/{made_tables.digest(7)}/similar?count=24"
    server.get(near)
    return {
        "map drawn": statistics.median(times),
        "an area of the map as a filter": _seconds(lambda: server.get(area)),
        "24 most similar images": _seconds(lambda: server.get(near)),
        "groups, first use": _seconds(lambda: server.get("/api/groups")),
        "groups": _seconds(lambda: server.get("/api/groups")),
    }


def _of_page(page: Page, server: _Server) -> dict[str, float]:
    page.goto(server.entry)
    page.goto(f"{server.url}/images", wait_until="commit")
    drawn = page.wait_for_function(DRAWN).json_value() / 1000
    shown = page.wait_for_function(SHOWN).json_value() / 1000
    jumps = []
    total = server.get("/api/state").json()["images"]
    for number in range(JUMPS):
        started = time.perf_counter()
        page.fill("#jump", str(1 + (number * 7919 * 101) % total))
        page.keyboard.press("Enter")
        page.wait_for_timeout(20)
        page.wait_for_function(SHOWN)
        jumps.append(time.perf_counter() - started)
    elements = page.evaluate("() => document.querySelectorAll('*').length")
    heap = page.evaluate("() => performance.memory.usedJSHeapSize / 1e6")
    page.keyboard.press("Escape")
    frames = page.evaluate(FRAMES)
    page.goto(f"{server.url}/review")
    page.wait_for_function("() => document.querySelector('#large').naturalWidth > 0")
    page.wait_for_timeout(1500)
    keys = []
    for _ in range(20):
        before = page.get_attribute("#more", "href")
        started = time.perf_counter()
        page.keyboard.press("n")
        page.wait_for_function(
            "(old) => document.querySelector('#more').getAttribute('href') !== old"
            " && document.querySelector('#large').complete",
            arg=before,
        )
        keys.append(time.perf_counter() - started)
        page.wait_for_timeout(150)
    return {
        "grid drawn": drawn,
        "its pictures shown": shown,
        "a jump, pictures shown: median": statistics.median(jumps),
        "a jump: slowest of 20": max(jumps),
        "frame while scrolling: median": statistics.median(frames) / 1000,
        "frame: 95th of 100": sorted(frames)[int(0.95 * len(frames))] / 1000,
        "key to next suspect": statistics.median(keys),
        "elements": elements,
        "JavaScript heap, MB": heap,
    }


def main() -> None:
    """Print the table."""
    options = harness.arguments(__doc__, rounds=1, images=100_000)
    chromium = shutil.which("chromium")
    if not chromium:
        raise SystemExit("chromium is not installed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chdir(folder)
        harness.photographs(folder / "pictures", PICTURES, mix=((256, 256, 1.0),))
        made_tables.write_tables(options.images, [f"class {number}" for number in range(10)])
        _fixes(folder, options.images)
        _features(options.images)
        found: dict[str, float] = {}
        for when in ("nothing kept", "tables kept"):
            started = time.perf_counter()
            server = _Server(folder, folder / "pictures")
            server.get("/images")
            found[f"start to first page, {when}"] = time.perf_counter() - started
            if when == "nothing kept":
                server.end()
        with sync_playwright() as started_browser:
            browser = started_browser.chromium.launch(
                executable_path=chromium,
                args=["--no-sandbox", "--enable-precise-memory-info"],
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(20_000)
            found |= _of_page(page, server)
            found |= _of_map(page, server)
            found |= _of_server(server)
            browser.close()
        found["server, MB"] = psutil.Process(server.process.pid).memory_info().rss / 1e6
        server.end()
        found["map laid out by t-SNE"] = _seconds(lambda: _laid_out(folder))
    harness.table(
        [f"{options.images:,} images", "seconds, or as said"],
        [(name, f"{value:.3f}" if value < 50 else f"{value:.0f}") for name, value in found.items()],
    )


if __name__ == "__main__":
    main()
