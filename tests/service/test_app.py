"""What holds for every request: keys, hosts, ids, the log, methods; and the page."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.pictures import encoded, texture
from support.project import Project
from support.services import Service, running

GOOD = encoded(texture(1))
PNG = {"Content-Type": "image/png"}
KEY = "a-key-of-at-least-16"


@pytest.fixture(scope="module")
def guarded(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a key and a site that may ask."""
    log = tmp_path_factory.mktemp("guarded") / "log"
    with running(
        finished.folder / "models/model.onnx", log, "--cors", "https://shop.example",
        SWATCHBOOK_API_KEY=KEY, SWATCHBOOK_CACHE=finished.environment["SWATCHBOOK_CACHE"],
    ) as service:  # fmt: skip
        yield service.wait()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"bearer  {KEY}"}, 200),
        ({"X-API-Key": KEY}, 200),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"Authorization": f"Bearer {KEY}x"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"X-API-Key": ""}, 401),
    ],
)
def test_a_key_is_asked_of_everybody(
    guarded: Service, headers: dict[str, str], status: int
) -> None:
    for path in ("/v1/model", "/metrics", "/openapi.json", "/v2/models/tiny"):
        assert guarded.get(path, headers=headers).status_code == status
    answer = guarded.post("/v1/classify", data=GOOD, headers={**PNG, **headers})
    assert answer.status_code == status
    assert guarded.post("/v1/reload", headers=headers).status_code == status
    for path in ("/", "/v2/health/live", "/v2/health/ready"):
        assert guarded.get(path).status_code == 200
    assert KEY not in guarded.log.read_text()


def test_other_sites_may_ask_only_where_they_are_named(guarded: Service, service: Service) -> None:
    def allowed(of: Service, origin: str) -> str | None:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST",
                   "Access-Control-Request-Headers": "authorization"}  # fmt: skip
        answer = requests.options(of.url + "/v1/classify", headers=headers, timeout=10)
        return answer.headers.get("Access-Control-Allow-Origin")

    assert allowed(guarded, "https://shop.example") == "https://shop.example"
    assert allowed(guarded, "https://evil.example") is None
    assert allowed(service, "https://shop.example") is None
    # the page may read why it is refused
    answer = guarded.post("/v1/classify", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "169.254.169.254"])
def test_a_rebound_name_does_not_reach_it(service: Service, host: str) -> None:
    assert service.get("/v1/model", headers={"Host": host}).status_code == 403
    assert service.get("/v1/model", headers={"Host": "LocalHost:1"}).status_code == 200


def test_pages_of_other_sites_cannot_reload(service: Service) -> None:
    answer = service.post("/v1/reload", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [  # F17
        ("GET", "/v1/classify", 405, "POST"),
        ("DELETE", "/score", 405, "POST"),
        ("POST", "/v2/health/live", 405, "GET"),
        ("HEAD", "/v1/classify", 405, "POST"),
        ("OPTIONS", "/v1/classify", 405, "POST"),
        ("GET", "/v1/classify/", 404, None),
        ("GET", "/none", 404, None),
        ("GET", "/../../etc/passwd", 404, None),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404, None),
        ("GET", "/docs", 404, None),
    ],
)
def test_wrong_methods_and_paths(
    service: Service, method: str, path: str, status: int, allow: str | None
) -> None:
    answer = requests.request(method, service.url + path, timeout=10)
    assert (answer.status_code, answer.headers.get("Allow")) == (status, allow)
    if method != "HEAD":
        assert set(answer.json()) == {"error"}


def test_request_ids_are_taken_or_made(service: Service) -> None:
    assert service.get("/v2", headers={"X-Request-ID": "a-1"}).headers["X-Request-ID"] == "a-1"
    for odd in ("a b", "x" * 65, "[31m", ""):
        made = service.get("/v2", headers={"X-Request-ID": odd}).headers["X-Request-ID"]
        assert made != odd
        assert len(made) == 16


def test_the_log_has_one_line_a_request_and_nothing_of_its_content(service: Service) -> None:  # F19
    name = 'patient Müller\r\n{"event": "forged"}\x1b[2J.png'
    form = {"image": (name, GOOD)}
    service.post("/v1/classify?top_k=2", files=form, headers={"X-Request-ID": "logged-1"})
    service.get("/none%0d%0aforged?secret=1", headers={"User-Agent": "[2Jforged"})
    text = service.log.read_text()
    line = next(line for line in service.lines() if line.get("id") == "logged-1")
    assert line["route"] == "/v1/classify"
    assert (line["status"], line["images"], line["method"]) == (200, 1, "POST")
    assert 0 < line["seconds"] < 60
    for word in ("Müller", "M\\u00fc", "forged", "\x1b", "secret"):
        assert word not in text


def test_metrics_count_what_was_done(service: Service) -> None:
    def value(name: str) -> float:
        lines = service.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    before = value('swatchbook_images_total{status="refused"}')
    service.post("/v1/classify", files=[("i", ("a", GOOD)), ("i", ("b", b"junk"))])
    assert value('swatchbook_images_total{status="refused"}') == before + 1
    assert value("swatchbook_waiting_images") == 0
    assert value("swatchbook_batch_images_count") > 0
    assert value("process_resident_memory_bytes") > 1e7


def test_the_model_says_what_it_is(service: Service) -> None:
    model = service.get("/v1/model").json()
    assert (model["name"], model["labels"]) == ("tiny", ["blue", "green", "red"])
    assert len(model["sha256"]) == len(model["data"]) == len(model["parameters"]) == 64


def test_errors_keep_their_headers(service: Service) -> None:
    answer = service.post("/v1/classify", data=b"x", headers={"Content-Type": "text/html"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "image/*" in answer.headers["Accept"]
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_the_page_runs_only_its_own_code(service: Service) -> None:
    page = service.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<script>" not in page.text
    assert "style=" not in page.text
    for name in ("page.js", "page.css"):
        assert name in page.text
        assert service.get(f"/{name}").status_code == 200
    script = service.get("/page.js").text
    assert "innerHTML" not in script
    assert "http" not in script


def test_the_page_shows_the_model(service: Service, tmp_path: Path) -> None:
    import shutil

    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
         f"--user-data-dir={tmp_path}", "--dump-dom", service.url],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "tiny: 3 classes, float32 on openvino" in done.stdout


def test_the_contract_is_described_with_examples(service: Service) -> None:
    described = service.get("/openapi.json").json()
    assert {"/v1/classify", "/score", "/v2/models/{name}/infer", "/v1/reload", "/metrics"} <= set(
        described["paths"]
    )
    body = described["paths"]["/v1/classify"]["post"]["requestBody"]["content"]
    assert set(body) == {"multipart/form-data", "application/json", "image/*"}
    assert "example" in body["application/json"]
    assert json.dumps(described["paths"]["/score"]).count("image_in_base64") >= 2


def test_the_examples_of_its_page_are_answered(service: Service) -> None:  # S7
    described = service.get("/openapi.json").json()["paths"]
    kept = described["/v1/classify"]["post"]["requestBody"]["content"]["application/json"]
    assert service.post("/v1/classify", json=kept["example"]).json()["results"][0]["status"] == "ok"
    examples = described["/score"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert len(examples) == 3
    for example in examples.values():
        assert service.post("/score", json=example["value"]).status_code == 200
