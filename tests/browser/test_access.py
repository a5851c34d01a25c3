"""Who gets in: with the token, from this machine's own pages, and nobody else."""

import json
import re
import socket
from pathlib import Path

import pytest
import requests
from support.browsing import Browsing, browsing
from support.project import Project


def first_image(browse: Browsing) -> str:
    return str(browse.get("/api/images?limit=1").json()["sha256"][0])


def test_nothing_is_shown_without_the_token(shared_browse: Browsing) -> None:
    browse = shared_browse
    for path in (
        "/",
        "/images",
        "/api/state",
        "/api/images",
        "/thumb/0123456789ab",
        "/openapi.json",
    ):
        found = requests.get(browse.url + path, timeout=10)
        assert found.status_code == 401
        assert "token" in found.json()["error"]
    page = requests.get(browse.url, headers={"Accept": "text/html"}, timeout=10)
    assert page.status_code == 401
    assert '<input name="token"' in page.text
    wrong = requests.get(f"{browse.url}/?token={browse.token[:-1]}x", timeout=10)
    assert wrong.status_code == 401
    assert requests.get(f"{browse.url}/static/style.css", timeout=10).status_code == 200


def test_the_token_becomes_a_cookie_and_leaves_the_address(shared_browse: Browsing) -> None:
    browse = shared_browse
    address = f"{browse.url}/images?label=red&token={browse.token}"
    first = requests.get(address, allow_redirects=False, timeout=10)
    assert (first.status_code, first.headers["location"]) == (303, "/images?label=red")
    cookie = first.headers["set-cookie"]
    assert re.match(
        rf"swatchbook_{browse.port}=[0-9a-f]{{64}}; HttpOnly; Path=/; SameSite=lax", cookie
    )
    with requests.Session() as session:
        assert session.get(address, timeout=10).status_code == 200
        # cookies of other applications on this host, of whatever form, do no harm
        head = {"Cookie": f'odd="; x=[1,2]; swatchbook_{browse.port}={browse.worn}'}
        assert requests.get(browse.url, headers=head, timeout=10).status_code == 200


def test_a_path_of_two_slashes_leads_nowhere_else(shared_browse: Browsing) -> None:
    browse = shared_browse
    request = f"GET //example.org/?token={browse.token} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", browse.port), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(4096).decode()
    assert "location: /example.org/" in answer


def test_other_names_of_this_machine_are_refused(shared_browse: Browsing) -> None:
    browse = shared_browse
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil:80"):
        assert browse.get("/", headers={**browse.head, "Host": host}).status_code == 403
    for host in ("localhost", "127.0.0.1:9999", "[::1]:7"):  # as through ssh -L
        assert browse.get("/", headers={**browse.head, "Host": host}).status_code == 200


ACT = {"snapshot": "", "acts": []}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),  # a form of another site sends none in old browsers
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "own", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "own", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "own", "Content-Type": "text/plain"}, 415),
        ({"Origin": "own", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "own"}, 200),
    ],
)  # fmt: skip
def test_only_its_own_pages_may_act(browse: Browsing, headers: dict[str, str], status: int) -> None:
    """The browser sends the cookie along with what any page of this host asks for."""
    given = {name: value.replace("own", browse.url) for name, value in headers.items()}
    cookie = {"Cookie": f"swatchbook_{browse.port}={browse.worn}"}
    act = {"snapshot": "", "acts": [{"sha256": first_image(browse), "do": "exclude"}]}
    answer = requests.post(
        f"{browse.url}/api/acts", json=act, headers={**cookie, **given}, timeout=10
    )
    assert answer.status_code == status
    said = browse.get("/api/state").json()["acts"]
    assert said == (1 if status == 200 else 0)


def test_every_answer_has_the_headers_that_keep_a_page_to_itself(shared_browse: Browsing) -> None:
    browse = shared_browse
    for path in ("/", "/api/state", "/nothing", f"/thumb/{first_image(browse)}"):
        head = browse.get(path).headers
        policy = head["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy
        assert head["cross-origin-resource-policy"] == "same-origin"
        assert head["cross-origin-opener-policy"] == "same-origin"
        assert head["x-content-type-options"] == "nosniff"
        assert head["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in head
        kept = "immutable" if "/thumb" in path else "no-store"
        assert kept in head["cache-control"]


def test_reading_only_refuses_every_act(project: Project) -> None:
    with browsing(project, "--read-only") as browse:
        act = {"snapshot": "", "acts": [{"sha256": first_image(browse), "do": "exclude"}]}
        answer = browse.post("/api/acts", act)
        assert answer.status_code == 403
        assert "reading only" in answer.json()["error"]
        assert browse.post("/api/acts/undo", {}).status_code == 403
        assert not (project.folder / "annotations/tiny.csv").exists()
        assert 'data-read-only="1"' in browse.get("/images").text


def test_others_reach_it_by_its_name_and_with_the_key(project: Project) -> None:
    key = 'a "long"; key = enough'
    project.environment["SWATCHBOOK_API_KEY"] = key
    with browsing(project, "--host", "0.0.0.0", "--name", "box.example") as browse:
        assert key not in browse.entry
        named = {"Host": f"box.example:{browse.port}", "Authorization": f"Bearer {key}"}
        assert requests.get(browse.url, headers=named, timeout=10).status_code == 200
        other = {**named, "Host": "evil.example"}
        assert requests.get(browse.url, headers=other, timeout=10).status_code == 403
        wrong = {**named, "Authorization": "Bearer something"}
        assert requests.get(browse.url, headers=wrong, timeout=10).status_code == 401
        with requests.Session() as session:
            wrong_form = session.post(f"{browse.url}/token", data={"token": "k" * 20}, timeout=10)
            assert (wrong_form.status_code, "Which token?" in wrong_form.text) == (401, True)
            long = session.post(f"{browse.url}/token", data={"token": "k" * 9000}, timeout=10)
            assert long.status_code == 401
            form = session.post(f"{browse.url}/token", data={"token": key}, timeout=10)
            assert form.status_code == 200
            assert key not in form.url
            found = session.get(f"{browse.url}/api/state", timeout=10)
            assert found.status_code == 200
            assert key not in str(session.cookies)


@pytest.mark.parametrize(
    ("key", "options", "says"),
    [
        ("", ["--host", "0.0.0.0"], "set a key in SWATCHBOOK_API_KEY first"),
        ("k" * 20, ["--host", "0.0.0.0"], "--name says by which name"),
        ("", ["--run", "nowhere"], "is no commit, branch, tag or experiment"),
        ("", ["--run", "main", "--from", "."], "--run and --from"),
    ],
)
def test_what_cannot_be_shown_or_opened_is_told(
    project: Project, key: str, options: list[str], says: str
) -> None:
    project.environment["SWATCHBOOK_API_KEY"] = key
    done = project.run("python", "-m", "swatchbook", "browse", *options, ok=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_another_run_is_shown_as_it_was_and_can_only_be_looked_at(
    runs: Project, tmp_path: Path
) -> None:
    project = runs.copied(tmp_path)
    kept = project.run("git", "show", "main:metrics/evaluation.json").stdout
    accuracy = json.loads(kept)["accuracy"]
    with browsing(project, "--run", "main") as browse:
        page = browse.get("/").text
        assert "run main, to be looked at" in page
        assert f"{accuracy:.3f}" in page
        for gone in ("/runs", "/changes", "/compare", "/learning"):
            assert browse.get(gone).status_code == 404
            assert f'href="{gone}"' not in page
        (sha256,) = browse.get("/api/images?limit=1").json()["sha256"]
        assert browse.get(f"/thumb/{sha256}").status_code == 200
        for path in ("/mistakes?subset=train", "/map", "/confusion", "/threshold", "/groups"):
            assert browse.get(path).status_code == 200
        label = browse.get(f"/api/images/{sha256}").json()["label"]
        assert browse.get(f"/heat/{sha256}?label={label}").status_code == 200
        act = {"snapshot": "", "acts": [{"sha256": sha256, "do": "exclude"}]}
        for path, content in (("/api/acts", act), ("/api/run", {"do": "start"})):
            assert browse.post(path, content).status_code == 403
        assert 'data-read-only="1"' in browse.get("/review").text
    assert not (project.folder / "annotations/tiny.csv").exists()
