"""Downloading against img2dataset 1.47.0: images a second, and what becomes of each fault.

    python3.11 -m venv i2d && i2d/bin/pip install img2dataset==1.47.0
    python -m benchmarks.download --img2dataset i2d/bin/img2dataset --urls 2000 --rounds 3

The same URLs on loopback, spread over ``--hosts`` addresses: photographs of 0.3 megapixels, one
in twenty slow, one in ten with a fault of ``FAULTS``. Whole processes, from an empty folder: ours
is the stage ``acquire`` (download, robots.txt, decode, check, hash, store), img2dataset downloads
with two processes of 32 threads, two retries and no resizing, and decodes too. The server is
another process on the same cores. ``--hosts 1`` shows what politeness costs: ours asks one host
ten times a second.
"""

import asyncio
import contextlib
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks import harness

_MIX = ((640, 480, 1.0),)
_SLOW_SECONDS = (0.5, 2.0)
_TIMEOUT = 10
# 127.9.0.1 stands for a machine inside the network that nobody outside may reach
_INSIDE = "127.9.0.1"
# what each fault is: the reasons by which ours, and the messages by which img2dataset, tell it;
# an empty reason: the image is to be had
FAULTS = {
    "missing": ("http_404", r"404"),
    "gone": ("http_410", r"410"),
    "always an error": ("http_500", r"500"),
    "busy, then fine (429)": ("", ""),
    "busy, then fine (503)": ("", ""),
    "connection reset": ("reset", r"reset|closed connection|disconnect"),
    "body ends early": ("truncated_body", r"IncompleteRead|incomplete|truncated"),
    "a page that says it is an image": ("not_image", r"decod|identify|not an image"),
    "a picture cut in the middle": ("truncated", r"truncated|decod|incomplete"),
    "redirect loop": ("redirects", r"redirect"),
    "redirect into the network": ("ssrf_blocked", r"address|private|forbidden|blocked"),
    "disallowed by robots.txt": ("robots", r"robots"),
    "X-Robots-Tag: noai": ("robots", r"directive|robots|opt"),
}


def main() -> None:
    options = harness.arguments(__doc__, urls=2000, hosts=100, rounds=3, img2dataset="img2dataset")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = harness.photographs(folder / "pictures", options.urls, 1, _MIX)
        with _server(pictures) as port:
            rows = _rows(options.urls, options.hosts, port)
            told: dict[str, list[Counter[str]]] = {"ours": [], "img2dataset": []}
            variants = {
                "img2dataset": lambda: _img2dataset(folder, rows, options.img2dataset, told),
                "ours": lambda: _ours(folder, rows, told),
            }
            results = harness.alternate(variants, options.rounds)
    _print(rows, results, told, options.hosts)


def _rows(count: int, hosts: int, port: int) -> pd.DataFrame:
    """URL, kind and number of every row, in an order that mixes them."""
    kinds = [*FAULTS]
    chance = random.Random(0)
    rows = []
    for number in range(count):
        kind = "fine"
        if number % 10 == 0:
            kind = kinds[number // 10 % len(kinds)]
        elif number % 20 == 1:
            kind = "slow"
        where = chance.randrange(hosts)
        host = f"127.0.{where // 200}.{where % 200 + 1}"
        path = f"/{kinds.index(kind) if kind in kinds else kind}/{number}.jpg"
        if kind == "disallowed by robots.txt":
            path = f"/private{path}"
        rows.append((f"http://{host}:{port}{path}", kind))
    chance.shuffle(rows)
    return pd.DataFrame(rows, columns=["url", "kind"])


def _ours(
    folder: Path, rows: pd.DataFrame, told: dict[str, list[Counter[str]]]
) -> dict[str, float]:
    project, cache = folder / "project", folder / "cache"
    for old in (project, cache):
        shutil.rmtree(old, ignore_errors=True)
    (project / "data").mkdir(parents=True)
    rows.assign(label="any")[["label", "url"]].to_csv(project / "urls.tsv", sep="\t", index=False)
    (project / "params.yaml").write_text(
        "acquire: {source: 'urls:urls.tsv', max_bad_fraction: 1}\n"
    )
    environment = {
        "SWATCHBOOK_CACHE": str(cache), "PYTHONPATH": str(harness.ROOT),
        "SWATCHBOOK_ALLOW_NETWORKS": "127.0.0.0/16",
    }  # fmt: skip
    seconds = _timed([sys.executable, "-m", "stages.acquire"], project, environment)
    manifest = pd.read_csv(project / "data/manifest.csv", keep_default_na=False, dtype=str)
    reasons = dict(zip(manifest["url"], manifest["reason"], strict=True))
    found = Counter[str]()
    for url, kind in rows.itertuples(index=False):
        wanted = FAULTS.get(kind, ("", ""))[0]
        found[kind] += reasons[url] == wanted
    told["ours"].append(found)
    return _figures(seconds, int((manifest["status"] == "ok").sum()), found)


def _img2dataset(
    folder: Path, rows: pd.DataFrame, program: str, told: dict[str, list[Counter[str]]]
) -> dict[str, float]:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    rows[["url"]].to_csv(folder / "urls.tsv", sep="\t", index=False)
    command = [
        program, "--url_list", "urls.tsv", "--input_format", "tsv", "--url_col", "url",
        "--output_format", "files", "--output_folder", str(out), "--processes_count", "2",
        "--thread_count", "32", "--resize_mode", "no", "--retries", "2", "--timeout", str(_TIMEOUT),
        # two shards, one for each process
        "--number_sample_per_shard", str(-(-len(rows) // 2)), "--disable_all_reencoding", "False",
        "--skip_reencode", "True",
    ]  # fmt: skip
    seconds = _timed(command, folder, {"NO_ALBUMENTATIONS_UPDATE": "1"})
    tables = [pd.read_parquet(path) for path in sorted(out.glob("*.parquet"))]
    known = pd.concat(tables).set_index("url")
    found = Counter[str]()
    for url, kind in rows.itertuples(index=False):
        row = known.loc[url]
        message = FAULTS.get(kind, ("", ""))[1]
        if message:
            told_right = re.search(message, str(row["error_message"]), re.IGNORECASE) is not None
            found[kind] += row["status"] != "success" and told_right
        else:
            found[kind] += row["status"] == "success"
    told["img2dataset"].append(found)
    return _figures(seconds, int((known["status"] == "success").sum()), found)


def _timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    started = time.perf_counter()
    # a shell's proxy settings would send one of the two elsewhere
    own = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        command, cwd=folder, env={**own, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - started


def _figures(seconds: float, images: int, found: Counter[str]) -> dict[str, float]:
    return {
        "seconds": round(seconds, 2), "images": images, "images_per_second": images / seconds,
        "right": sum(found.values()),
    }  # fmt: skip


def _print(
    rows: pd.DataFrame,
    results: dict[str, list[dict[str, float]]],
    told: dict[str, list[Counter[str]]],
    hosts: int,
) -> None:
    table = []
    for name, runs in results.items():
        ratios = [
            {"ratio": run["images_per_second"] / other["images_per_second"]}
            for run, other in zip(runs, results["img2dataset"], strict=True)
        ]
        table.append(
            (
                name, harness.spread(runs, "seconds"), harness.spread(runs, "images_per_second"),
                harness.spread(ratios, "ratio", 2), harness.spread(runs, "images", 0),
                f"{harness.spread(runs, 'right', 0)} of {len(rows)}",
            )
        )  # fmt: skip
    print(f"\n{len(rows)} URLs on {hosts} hosts, {len(results['ours'])} rounds")
    harness.table(
        ["", "seconds", "images/s", "times img2dataset", "images", "URLs told rightly"], table
    )
    counts = Counter(rows["kind"])
    print()
    print("| Kind | URLs | img2dataset tells | ours tells |\n|---|---|---|---|")
    for kind in ["fine", "slow", *FAULTS]:
        cells = [str(told[name][-1][kind]) for name in ("img2dataset", "ours")]
        print(f"| {kind} | {counts[kind]} | {' | '.join(cells)} |")


@contextlib.contextmanager
def _server(pictures: list[Path]) -> Iterator[int]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(pictures, there), daemon=True)
    process.start()
    try:
        yield int(here.recv())
    finally:
        process.terminate()
        process.join()


def _serve(pictures: list[Path], pipe) -> None:  # type: ignore[no-untyped-def]
    asyncio.run(_Server(pictures).run(pipe))


class _Server:
    """All hosts at once: it listens on every address of loopback."""

    def __init__(self, pictures: list[Path]) -> None:
        self._pictures = [path.read_bytes() for path in pictures]
        self._asked: Counter[str] = Counter()

    async def run(self, pipe) -> None:  # type: ignore[no-untyped-def]
        server = await asyncio.start_server(self._client, "0.0.0.0", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ", 2)[1]
        keep = "connection: close" not in head.lower()
        if path == "/robots.txt":
            return self._send(
                writer, 200, b"User-agent: *\nDisallow: /private/\n", keep, "text/plain"
            )
        *_, kind, name = path.removeprefix("/private").split("/")
        picture = self._pictures[int(name.partition(".")[0])]
        if kind == "slow":
            await asyncio.sleep(random.Random(name).uniform(*_SLOW_SECONDS))
        fault = list(FAULTS)[int(kind)] if kind.isdecimal() else kind
        # a second run must meet the same: a busy server is busy at every first of two requests
        self._asked[path] += 1
        is_first = self._asked[path] % 2 == 1
        match fault:
            case "missing" | "gone" | "always an error":
                status = {"missing": 404, "gone": 410}.get(fault, 500)
                return self._send(writer, status, b"sorry", keep, "text/plain")
            case "busy, then fine (429)" | "busy, then fine (503)" if is_first:
                status = 429 if "429" in fault else 503
                return self._send(writer, status, b"", keep, "text/plain", "Retry-After: 1\r\n")
            case "connection reset":
                writer.transport.abort()
                return False
            case "body ends early":
                writer.write(self._head(200, len(picture), False, "image/jpeg"))
                writer.write(picture[: len(picture) // 2])
                await writer.drain()
                return False
            case "a page that says it is an image":
                page = b"<!DOCTYPE html><title>Gone</title>" + b"<p>This image is no more.</p>" * 50
                return self._send(writer, 200, page, keep)
            case "a picture cut in the middle":
                return self._send(writer, 200, picture[: len(picture) // 2], keep)
            case "redirect loop":
                return self._send(writer, 302, b"", keep, "text/plain", f"Location: {path}\r\n")
            case "redirect into the network":
                if f"\r\nhost: {_INSIDE}" in head.lower():
                    return self._send(writer, 200, picture, keep)
                port = writer.get_extra_info("sockname")[1]
                inside = f"Location: http://{_INSIDE}:{port}{path}\r\n"
                return self._send(writer, 302, b"", keep, "text/plain", inside)
            case "X-Robots-Tag: noai":
                return self._send(writer, 200, picture, keep, more="X-Robots-Tag: noai\r\n")
        return self._send(writer, 200, picture, keep)

    def _send(
        self, writer: asyncio.StreamWriter, status: int, body: bytes, keep: bool,
        kind: str = "image/jpeg", more: str = "",
    ) -> bool:  # fmt: skip
        writer.write(self._head(status, len(body), keep, kind, more) + body)
        return keep

    @staticmethod
    def _head(status: int, length: int, keep: bool, kind: str, more: str = "") -> bytes:
        end = "keep-alive" if keep else "close"
        return (
            f"HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
            f"Connection: {end}\r\n{more}\r\n"
        ).encode()


if __name__ == "__main__":
    main()
