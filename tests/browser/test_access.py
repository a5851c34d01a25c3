"""Who gets in: with the token, from this machine's own pages, and nobody else."""

import re
import socket

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
        head = {"Cookie": f'odd="; x=[1,2]; swatchbook_{browse.port}={browse.token}'}
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
    cookie = {"Cookie": f"swatchbook_{browse.port}={browse.token}"}
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
