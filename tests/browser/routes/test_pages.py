"""The pages in a real browser: by keyboard alone, at any width, without a word to anybody else."""

import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from support.browsing import Browsing, browsing
from support.full import some_of
from support.pictures import encoded, texture
from support.project import Project, new_project

PAGES = ("/", "/images", "/images?result=wrong&sort=-confidence", "/review", "/confusion",
         "/threshold", "/changes", "/groups", "/map", "/mistakes?subset=train", "/runs",
         "/learning", "/compare?a=main&b=workspace", "/new", "image")  # fmt: skip


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Seen:
    """A page of a browser, and all that it complained of."""

    def __init__(self, context: Any, browse: Browsing) -> None:
        self.page = context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda said: self.problems.append(said.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.route("**", self._only_own)
        self._browse = browse
        self.page.goto(browse.entry)

    def _only_own(self, route: Any) -> None:
        if route.request.url.startswith(f"{self._browse.url}/"):
            route.continue_()
        else:
            self.problems.append(f"asked for {route.request.url}")
            route.abort()

    def open(self, path: str) -> Any:
        """Go there, and wait until all is there."""
        if path == "image":
            path = f"/images/{self._browse.get('/api/images?limit=1').json()['sha256'][0]}"
        self.page.goto(self._browse.url + path)
        self.page.wait_for_load_state("networkidle")
        return self.page


@contextmanager
def seeing(chromium: Any, browse: Browsing, **options: Any) -> Iterator[Seen]:
    """A page of a browser of its own, that must have complained of nothing."""
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    one = Seen(context, browse)
    yield one
    assert one.problems == []
    context.close()


@pytest.fixture
def looking(chromium: Any, shared_browse: Browsing) -> Iterator[Seen]:
    """Of who changes nothing."""
    with seeing(chromium, shared_browse) as one:
        yield one


@pytest.fixture
def seen(chromium: Any, browse: Browsing) -> Iterator[Seen]:
    with seeing(chromium, browse) as one:
        yield one


def wait(page: Any, where: str, what: str) -> None:
    """Until the text of an element is as asked; a function, for our policy refuses what is none."""
    page.wait_for_function(f"() => document.querySelector('{where}').textContent.{what}")


def acts(project: Project) -> list[tuple[str, str]]:
    path = project.folder / "annotations/tiny.csv"
    frame = pd.read_csv(path, keep_default_na=False) if path.exists() else pd.DataFrame()
    return [(row["sha256"], row["label"]) for row in frame.to_dict("records")]


@pytest.mark.parametrize(
    ("scheme", "width"),
    some_of([("light", 1280), ("dark", 390)], [("dark", 1280), ("light", 390)]),
)
def test_every_page_can_be_used_by_everybody(
    chromium: Any, shared_browse: Browsing, scheme: str, width: int
) -> None:
    """WCAG 2.2 AA as far as axe sees, nothing to scroll sideways, and no complaint."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    size = {"width": width, "height": 800}
    with seeing(
        chromium, shared_browse, color_scheme=scheme, viewport=size, has_touch=width < 700
    ) as one:  # fmt: skip
        for path in PAGES:
            page = one.open(path)
            assert violations(axe, page) == [], path
            wide = page.evaluate("() => document.documentElement.scrollWidth")
            assert wide <= width, path


def violations(axe: Any, page: Any) -> list[tuple[str, Any]]:
    """What axe finds fault with, and where."""
    found = axe.run(page, options={"runOnly": RULES}).response["violations"]
    return [(rule["id"], rule["nodes"][0]["target"]) for rule in found]


def test_suspects_are_decided_by_single_keys(seen: Seen, project: Project) -> None:
    page = seen.open("/review")
    total = int(page.text_content("#progress").split()[2].rstrip(","))
    assert total >= 4
    page.keyboard.press("c")
    page.keyboard.press("e")
    wait(page, "#progress", "includes('2 decided')")
    page.keyboard.press("r")
    page.keyboard.type("bl")
    page.keyboard.press("Enter")
    wait(page, "#progress", "includes('3 decided')")
    wait(page, "#said", "startsWith('relabelled')")
    said = acts(project)
    assert [label for _, label in said][1:] == ["exclude", "blue"]
    assert len({sha256 for sha256, _ in said}) == 3
    page.keyboard.press("u")
    wait(page, "#said", "startsWith('Undone')")
    assert acts(project)[-1] == (said[-1][0], "")
    page.keyboard.press("Shift+U")
    wait(page, "#said", "startsWith('Done')")
    assert acts(project)[-1] == said[-1]
    # what was decided is not asked again
    seen.open("/review")
    assert f"of {total - 3}," in page.text_content("#progress")


def test_the_grid_is_used_by_keys_and_its_address_says_all(seen: Seen, project: Project) -> None:
    page = seen.open("/images?label=red")
    assert page.text_content("#count") == "20 images"
    page.locator(".cell").first.focus()
    for key in ("ArrowRight", "Space", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    assert page.text_content("#chosen") == "3 selected"
    page.keyboard.press("2")  # the classes by frequency: red, then blue or green
    page.wait_for_function(
        "() => document.querySelector('#said').textContent.startsWith('3 images')"
    )
    assert len({label for _, label in acts(project)}) == 1
    assert len(acts(project)) == 3
    assert page.locator(".cell", has_text="★").count() == 3
    # a filter by hand, then back
    page.locator('[data-facet="act relabel"]').check()
    wait(page, "#count", "startsWith('3 images')")
    assert page.url.endswith("/images?label=red&act=relabel")
    page.go_back()
    wait(page, "#count", "startsWith('20 images')")
    page.keyboard.press("Control+a")
    assert page.text_content("#chosen") == "20 selected"
    page.keyboard.press("Escape")
    # a place is in the address, and back from an image it is there again
    page.locator(".cell").first.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.wait_for_url("**/images/*")
    page.keyboard.press("Escape")
    page.wait_for_url("**/images?label=red&at=20")
    page.wait_for_function(
        "() => document.querySelector('.cell[tabindex=\"0\"]')?.dataset.place === '19'"
    )


def test_a_key_that_is_held_down_acts_once_on_each(seen: Seen, project: Project) -> None:
    """Thirty a second, and answers that take longer."""
    page = seen.open("/images?sort=digest")
    order = page.evaluate(
        "async () => (await (await fetch('/api/images?sort=digest&limit=30')).json()).sha256"
    )

    def late(route: Any) -> None:
        time.sleep(0.05)
        route.continue_()

    page.route("**/api/acts", late)
    page.locator(".cell").first.focus()
    for _ in range(25):
        page.keyboard.press("e")
    last = time.monotonic() + 30
    while len(acts(project)) < 25 and time.monotonic() < last:
        page.wait_for_timeout(50)  # in which what is late is let go
    page.wait_for_timeout(300)
    said = acts(project)
    assert len(said) == 25
    manifest = pd.read_csv(project.folder / "data/manifest.csv", dtype=str)
    came = dict(zip(manifest["file_sha256"], manifest["sha256"], strict=True))
    assert [came[sha256][:20] for sha256, _ in said] == order[:25]


def test_single_letters_can_be_turned_off(seen: Seen, project: Project) -> None:
    page = seen.open("/images")
    page.keyboard.press("?")
    page.get_by_label("Keys of a single letter act").uncheck()
    page.keyboard.press("Escape")
    page.locator(".cell").first.focus()
    page.keyboard.press("e")
    page.keyboard.press("ArrowRight")
    page.wait_for_load_state("networkidle")
    assert acts(project) == []
    # and none acts while one types
    page.evaluate("() => localStorage.clear()")
    page.locator("input[type=search]").fill("")
    page.keyboard.type("ecx1")
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")
    assert acts(project) == []
    assert "q=ecx1" in page.url


def test_what_somebody_else_did_is_seen_and_not_written_over(
    seen: Seen, project: Project, browse: Browsing
) -> None:
    page = seen.open("/review")
    with browsing(project, annotator="bob") as other:
        sha256 = page.get_attribute("#more", "href").rpartition("/")[2]
        act = {"sha256": sha256, "do": "exclude", "seen": ""}
        assert other.post("/api/acts", {"snapshot": "", "acts": [act]}).status_code == 200
    page.evaluate("() => 0")
    page.keyboard.press("c")
    page.wait_for_function("() => !document.querySelector('#failed').hidden")
    assert "bob has said something of" in page.text_content("#failed")
    assert len(acts(project)) == 1
    # the browser notes the refusal itself
    assert [text for text in seen.problems if "409" not in text] == []
    seen.problems.clear()
    page.get_by_role("button", name="Look at it again").click()
    page.locator(f"#more[href='/images/{sha256}']").wait_for()


def test_a_class_is_made_by_saying_it_twice(seen: Seen, project: Project) -> None:
    page = seen.open("/review")
    page.keyboard.press("r")
    page.keyboard.type("dotted")
    page.keyboard.press("Enter")
    wait(page, "#relabel-why", "startsWith('There is no class dotted')")
    assert acts(project) == []
    page.keyboard.press("Enter")
    wait(page, "#said", "startsWith('relabelled to dotted')")
    assert acts(project)[0][1] == "dotted"
    assert (project.folder / "annotations/tiny.classes.txt").read_text() == "dotted\n"


def test_what_is_chosen_on_the_map_opens_as_a_grid(looking: Seen, shared_browse: Browsing) -> None:
    page = looking.open("/map")
    total = shared_browse.get("/api/map").json()["images"]
    page.keyboard.press("b")
    wait(page, "#chosen", f"startsWith('{total} images')")
    # nearer and to one side: fewer are seen, and the address says where
    for key in ("+", "+", "ArrowRight"):
        page.keyboard.press(key)
    page.keyboard.press("b")
    some = int(page.text_content("#chosen").split()[0])
    assert 0 < some < total
    assert "view=" in page.url
    page.keyboard.press("Enter")
    page.wait_for_url("**/images?area=*")
    wait(page, "#count", f"startsWith('{some} image')")
    # around all of them by hand
    page = looking.open("/map")
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    page.keyboard.press("l")
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"], 700) / 2
    page.mouse.move(x - 600, y - 270)
    page.mouse.down()
    for dx, dy in ((600, -270), (600, 330), (-600, 330)):
        page.mouse.move(x + dx, y + dy, steps=5)
    page.mouse.up()
    wait(page, "#chosen", f"startsWith('{total} images')")
    # laid out anew from the page
    page.get_by_role("button", name="Lay them out by t-SNE").click()
    wait(page, "#kind", "startsWith('By t-SNE')")
    assert page.locator("#lay-out").is_hidden()


def test_heat_maps_come_by_a_key(looking: Seen) -> None:
    page = looking.open("image")
    classes = page.locator("#heat option").count() - 1
    for _ in range(classes):
        page.keyboard.press("a")
        page.wait_for_function(
            "() => { const one = document.querySelector('#large');"
            " return one.src.includes('/heat/') && one.complete && one.naturalWidth === 448; }"
        )
    page.keyboard.press("a")
    assert "/picture/" in page.get_attribute("#large", "src")


@pytest.fixture(scope="module")
def torn(tiny_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with an image in two classes, and near-duplicates in two classes."""
    folder = tmp_path_factory.mktemp("torn")
    source = folder / "source"
    shutil.copytree(tiny_source, source)
    shutil.copy(source / "red/red_000.png", source / "blue/again.png")
    smaller = texture(7, 0).resize((40, 40), Image.Resampling.BICUBIC)
    (source / "green/alike.jpg").write_bytes(encoded(smaller, "JPEG", quality=85))
    project = new_project(folder, source, folder / "cache")
    project.repro()
    project.commit("torn")
    return project


def test_groups_are_decided_by_one_key_each(chromium: Any, torn: Project) -> None:
    with browsing(torn) as browse, seeing(chromium, browse) as one:
        page = one.open("/groups")
        assert page.locator("#kinds a[aria-current]").text_content() == (
            "one image in several classes (1)"
        )
        page.wait_for_function("() => document.activeElement.className.includes('member')")
        page.keyboard.press("3")  # by frequency the last one
        wait(page, "#progress", "includes('1 decided')")
        page = one.open("/groups?kind=mixed")
        page.wait_for_function("() => document.activeElement.className.includes('member')")
        page.keyboard.press("d")
        page.wait_for_function(
            "() => document.querySelector('#difference-picture').naturalWidth > 0"
        )
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("k")
        wait(page, "#said", "startsWith('1 image left out')")
        page.keyboard.press("u")
        wait(page, "#said", "startsWith('Undone')")
        wait(page, "#progress", "includes(', 0 decided')")
        page.keyboard.press("c")
        wait(page, "#said", "startsWith('2 images confirmed')")
        page = one.open("/groups?kind=near_duplicate")
        page.wait_for_function("() => document.activeElement.className.includes('member')")
        page.keyboard.press("e")
        wait(page, "#said", "startsWith('2 images left out')")
    said = [label for _, label in acts(torn)]
    assert said == [said[0], "exclude", "", said[3], said[4], "exclude", "exclude"]
    assert {said[3], said[4]} == {"red", "green"}


def test_a_threshold_is_written_by_a_key_and_put_back(
    seen: Seen, project: Project, browse: Browsing
) -> None:
    bounds = [rule["bound"] for rule in browse.get("/api/thresholds").json()["rules"]]
    assert min(bounds) < bounds[0]
    page = seen.open("/threshold")
    page.locator("#most").fill(f"{50 * (min(bounds) + bounds[0]):.2f}")
    page.locator("#most").blur()
    chosen = page.text_content("#value")
    assert float(chosen) > 0
    page.keyboard.press("w")
    wait(page, "#said", "startsWith('params.yaml says')")
    written = float(page.text_content("#written"))
    assert written == pytest.approx(float(chosen), abs=0.001)
    assert f"threshold: {written:g}" in (project.folder / "params.yaml").read_text()
    assert page.locator("#by-class tbody tr").count() == 3
    page.get_by_role("button", name="Put back 0").click()
    page.wait_for_function("() => document.querySelector('#written').textContent === '0'")
    # a bound that is not to be had says which is
    page.locator("#most").fill("0.01")
    page.locator("#most").blur()
    page.wait_for_function("() => !document.querySelector('#failed').hidden")
    assert "can't be had with 95 % confidence" in page.text_content("#failed")


def test_new_images_are_labelled_by_keys(chromium: Any, project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "unsure"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(encoded(texture(800 + number, number)))
    with browsing(project, "--from", str(folder)) as browse, seeing(chromium, browse) as one:
        page = one.open("/new")
        wait(page, "#progress", "startsWith('3 images')")
        page.keyboard.press("s")
        page.keyboard.press("1")
        page.keyboard.press("e")
        wait(page, "#progress", "includes('2 labelled')")
        # this page's own undo: no fix of the project is taken back
        page.keyboard.press("u")
        wait(page, "#said", "includes('taken back')")
        page.keyboard.press("Shift+U")
        wait(page, "#said", "includes('not for this project')")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#picture-image').naturalWidth > 0")
        page.keyboard.press("Escape")
        axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
        assert violations(axe, page) == []
    said = pd.read_csv(folder / ".labels.csv", keep_default_na=False)
    assert list(said["label"])[1:] == ["red", "exclude", "", "exclude"]
    assert acts(project) == []


HOSTILE = "<img src=x onerror=alert(1)>"


def test_names_and_notes_stay_text(seen: Seen, project: Project, browse: Browsing) -> None:
    (sha256,) = browse.get("/api/images?limit=1").json()["sha256"]
    act = {"sha256": sha256, "do": "confirm"}
    browse.post("/api/acts", {"snapshot": "", "note": HOSTILE, "acts": [act]})
    for path in (f"/images/{sha256}", "/changes", "/images?q=%3Cimg%20src%3Dx%3E"):
        page = seen.open(path)
        assert page.locator("img[src=x]").count() == 0
    assert HOSTILE in seen.open(f"/images/{sha256}").text_content("main")


@pytest.fixture
def another_port(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A page of another application on this host."""
    folder = tmp_path / "other"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


TRIES = """
async () => {
  const found = {};
  const body = JSON.stringify({snapshot: "", acts: [{sha256: "SHA", do: "exclude"}]});
  const told = (asked, word) => asked.then(() => word, () => "refused");
  const plain = {method: "POST", credentials: "include", body};
  await told(fetch("OWN/api/acts", {...plain, mode: "no-cors"}));
  const headers = {"Content-Type": "application/json"};
  found.json = await told(fetch("OWN/api/acts", {...plain, headers}), "answered");
  found.read = await told(fetch("OWN/api/state", {credentials: "include"}), "read");
  const picture = new Image();
  picture.src = "OWN/thumb/SHA";
  found.picture = await told(picture.decode(), "shown");
  const frame = document.createElement("iframe");
  frame.src = "OWN/images";
  document.body.append(frame);
  await new Promise((done) => setTimeout(done, 500));
  return found;
}
"""


def test_a_page_of_another_port_can_neither_read_embed_nor_act(
    chromium: Any, project: Project, browse: Browsing, another_port: tuple[str, Path]
) -> None:
    """Cookies of a host go to all its ports: what stops it are Origin, CORP and frame-ancestors."""
    address, folder = another_port
    (folder / "page.html").write_text("<!doctype html><title>other</title><body></body>")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(browse.entry)
    (sha256,) = browse.get("/api/images?limit=1").json()["sha256"]
    page.goto(f"{address}/page.html")
    told = page.evaluate(TRIES.replace("OWN", browse.url).replace("SHA", sha256))
    assert (told["json"], told["read"], told["picture"]) == ("refused", "refused", "refused")
    frame = page.frames[1]
    assert "Images" not in frame.title()
    assert acts(project) == []
    context.close()
