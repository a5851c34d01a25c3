"""A list of URLs as a source: every row is told of, whatever became of it."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.fault_server import FaultServer, picture

from swatchbook.acquisition import acquiring, sources
from swatchbook.base import files, machine
from swatchbook.base.cache import Cache
from swatchbook.base.errors import DataError
from swatchbook.fetching.manners import Manners
from swatchbook.images import store
from swatchbook.untrusted.examination import Examiner


@pytest.fixture
def server() -> Iterator[FaultServer]:
    server = FaultServer("127.0.0.5")
    yield server
    server.close()


def manifest(server: FaultServer, *rows: str) -> pd.DataFrame:
    text = "".join(f"{row}\n" for row in rows).replace("HOST", server.url(""))
    Path("list.tsv").write_text(text)
    manners = Manners(allowed=[ipaddress.ip_network("127.0.0.5/32")])
    with Cache(machine.cache_folder() / "seen.sqlite") as seen, Examiner(1, 16) as examiner:
        candidates = sources.candidates("urls:list.tsv", sources.How(manners=manners))
        return acquiring.acquire(candidates, seen, examiner).manifest


def test_every_row_has_its_outcome_and_where_it_came_from(server: FaultServer) -> None:
    found = manifest(
        server,
        "label\turl\tlicence\tauthor\tquery\trank\tsha256",
        f"red\tHOST/chain/1\tcc-by\tAnn\tred shirt\t3\t{files.digest(picture(5))}",
        "red\tHOST/page/1\t\t\t\t\t",  # a page that calls itself an image
        "red\tHOST/misnamed/7\t\t\t\t\t",  # an image that calls itself a page
        "blue\tHOST/status/404\t\t\t\t\t",
        f"blue\tHOST/ok/9\t\t\t\t\t{'0' * 64}",
        "blue\tHOST/ok/9#again\t\t\t\t\t",
        "blue\thttp://10.0.0.1/a.png\t\t\t\t\t",
        "blue\thttp://ann:secret@example.org/a.png\t\t\t\t\t",
    )
    reasons = dict(zip(found["url"], found["reason"], strict=True))
    assert {url.replace(server.url(""), "HOST"): reason for url, reason in reasons.items()} == {
        "HOST/chain/1": "", "HOST/page/1": "not_image", "HOST/misnamed/7": "",
        "HOST/status/404": "http_404", "HOST/ok/9": "hash_mismatch", "HOST/ok/9#again": "",
        "http://10.0.0.1/a.png": "ssrf_blocked", "http://example.org/a.png": "bad_url",
    }  # fmt: skip
    first = found[found["url"] == server.url("/chain/1")].iloc[0]
    assert first["final_url"] == server.url("/ok/5")
    assert list(first[["licence", "author", "query", "rank"]]) == ["cc-by", "Ann", "red shirt", "3"]
    assert first["fetched"].endswith("+00:00")
    assert Path(first["path"]).read_bytes() == picture(5)
    assert "secret" not in found.to_csv()


def test_a_second_run_asks_for_nothing_and_says_the_same(server: FaultServer) -> None:
    rows = [f"red\tHOST/ok/{number}" for number in range(3)] + ["blue\tHOST/status/410"]
    first = manifest(server, *rows)
    asked = server.requests.copy()
    pd.testing.assert_frame_equal(manifest(server, *rows), first)
    assert server.requests == asked


def test_images_are_brought_back_from_the_cache_when_the_store_is_lost(
    server: FaultServer,
) -> None:
    first = manifest(server, "red\tHOST/ok/1")
    path = Path(first["path"][0])
    path.unlink()
    manifest(server, "red\tHOST/ok/1")
    assert path.is_file()
    assert server.requests["/ok/1"] == 1
    assert path.is_relative_to(store.FOLDER)


def test_dead_links_do_not_count_as_bad_files_but_none_left_is_an_error(
    server: FaultServer,
) -> None:  # C23
    dead = [f"red\tHOST/status/404/{number}" for number in range(9)]
    acquiring.check(manifest(server, "red\tHOST/ok/1", *dead), 0.2)
    with pytest.raises(DataError, match="none of 9 files can be used: 9 http_404"):
        acquiring.check(manifest(server, *dead), 0.2)
    with pytest.raises(DataError, match=r"1 of 2 files can't be used \(1 not_image; "):
        acquiring.check(manifest(server, "red\tHOST/ok/1", "red\tHOST/page/1", *dead), 0.2)
