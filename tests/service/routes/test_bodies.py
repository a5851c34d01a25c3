"""Bodies: every malformed one is refused with its status, and nothing is ever fetched."""

import base64
import contextlib
import gzip
import json
import time

import pytest
from support.pictures import encoded, texture
from support.services import Service

from swatchbook.server.problem import Problem
from swatchbook.service.routes import bodies

GOOD = encoded(texture(1))
TEXT = base64.b64encode(GOOD).decode()
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Type": "image/png", "Content-Encoding": "gzip"}
FORM = {"Content-Type": "multipart/form-data; boundary=xx"}
PART = (
    b'--xx\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + GOOD + b"\r\n"
)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, b"", 415),  # F01
        ({"Content-Type": "text/plain"}, b"hello", 415),
        ({"Content-Type": "image/png"}, b"", 422),
        (FORM, b"--xx--\r\n", 422),
        (FORM, b'--xx\r\nContent-Disposition: form-data; name="image"\r\n\r\nx\r\n--xx--\r\n', 422),
        (JSON, b"{}", 422),
        (JSON, b'{"images": []}', 422),
        (JSON, b'{"images": "x"}', 422),
        (JSON, b'{"image": ["x"]}', 422),
        (FORM, b"", 400),  # F02
        (FORM, b"junk", 400),
        ({"Content-Type": "multipart/form-data"}, PART + b"--xx--\r\n", 400),
        ({"Content-Type": "multipart/form-data; boundary=yy"}, PART + b"--xx--\r\n", 400),
        (FORM, PART, 400),
        (FORM, PART + PART[:100], 400),
        (FORM, PART.replace(b"\r\n\r\n", b"\r\nX: " + b"a" * 2**20 + b"\r\n\r\n"), 400),
        (FORM, PART.replace(b"\r\n\r\n", b"\r\nX: a" * 50_000 + b"\r\n\r\n"), 400),
        (FORM, PART * 65 + b"--xx--\r\n", 413),  # F03
        (FORM, PART * 1001 + b"--xx--\r\n", 413),
        (GZIP, gzip.compress(GOOD), 415),  # F05
        (JSON, b"{", 400),  # F07
        (JSON, b"[" * 10**5, 400),
        (JSON, b'{"a":' * 10**5, 400),
        (JSON, b"\xff\xfe", 400),
        (JSON, b'{"images": [NaN]}', 400),
        (JSON, b'{"images": [' + b"9" * 10**5 + b"]}", 400),
        (JSON, b'{"images": [], "images": []}', 400),
        (JSON, b'{"images": [1]}', 422),
        (JSON, b'{"images": ["@@@"]}', 422),
        (JSON, b'{"images": ["http://127.0.0.1/a.png"]}', 422),  # F18
        (JSON, b'{"images": ["file:///etc/passwd"]}', 422),
        (JSON, b'{"images": [{"url": "http://127.0.0.1"}]}', 422),
    ],
)  # fmt: skip
def test_a_malformed_body_is_refused(
    service: Service, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = service.post("/v1/classify", data=body, headers=headers)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert service.get("/v2/health/ready").status_code == 200


def test_a_path_is_text_and_nothing_is_read(service: Service) -> None:  # F18
    # eleven letters of base64 without their padding
    answer = service.post("/v1/classify", json={"images": ["/etc/passwd"]})
    assert [row["reason"] for row in answer.json()["results"]] == ["not_image"]


ROWS = ("+/+/" * 19, "AAAA")


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(ROWS), "\r\n".join(ROWS) + "\r\n", " " + "".join(ROWS),
        "".join(ROWS).translate(str.maketrans("+/", "-_")),
        "data:image/png;base64," + "".join(ROWS),
    ],
)  # fmt: skip
def test_base64_is_read_as_clients_write_it(text: str) -> None:  # U4
    assert bodies.of_base64([text], 1) == [base64.b64decode("".join(ROWS))]


@pytest.mark.parametrize("content", [b"a", b"ab", b"abc", b"abcd"])
def test_padding_may_be_left_out(content: bytes) -> None:  # U4
    text = base64.b64encode(content).decode()
    assert bodies.of_base64([text, text.rstrip("=")], 2) == [content] * 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("AB$D", r"the letter '\$' is none of it"), ("ABCDE", "5 letters can't be; is it cut"),
        ("data:image/png,AAAA", "a data URL without ;base64,"), ("AA-/", "'-' is none of it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_base64_is_said(text: str, why: str) -> None:  # U4
    with pytest.raises(Problem, match=f"image 0: not base64: .*{why}"):
        bodies.of_base64([text], 1)


def test_numbers_of_thousands_of_digits_are_refused_unread() -> None:  # S3
    text = b"[" + b",".join([b"9" * 4300] * 7000) + b"]"
    started = time.process_time()
    with pytest.raises(Problem, match="a number of 4300 digits"):
        bodies.strict_json(text)
    assert time.process_time() - started < 1


def test_as_many_images_as_are_allowed_are_answered(service: Service) -> None:
    answer = service.post("/v1/classify", data=PART * 64 + b"--xx--\r\n", headers=FORM)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 64
    answer = service.post("/v1/classify", json={"images": [TEXT] * 65})
    assert answer.status_code == 413


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, '"' + "\\u0000" * 10**6 + '"'])
def test_hostile_json_costs_little(text: str) -> None:
    started = time.process_time()
    with contextlib.suppress(Problem):
        bodies.strict_json(text.encode())
    assert time.process_time() - started < 1


@pytest.mark.parametrize("text", [r'{"id": "\ud800"}', r'{"\uDfff": 1}', r'["\ud83d"]'])
def test_half_a_character_is_no_text(text: str) -> None:
    with pytest.raises(Problem, match="not valid JSON"):
        bodies.strict_json(text.encode())
    assert bodies.strict_json(rb'["\ud83d\ude00", "\\ud800"]') == ["\U0001f600", r"\ud800"]


def test_numbers_by_the_million_are_refused_unread() -> None:
    for text in (b"[" + b"1," * 3 * 10**6 + b"1]", b"[" + b"[]," * 2 * 10**6 + b"1]"):
        with pytest.raises(Problem, match="send pixels as binary data"):
            bodies.strict_json(text)


def test_a_large_body_says_the_same_as_a_small_one(service: Service) -> None:
    large = encoded(texture(1, side=400), "BMP")
    assert len(large) > 400_000
    text = base64.b64encode(large).decode()
    answers = [
        service.post("/v1/classify", data=large, headers={"Content-Type": "image/bmp"}),
        service.post("/v1/classify", files=[("image", ("x", large))] * 3),
        service.post("/v1/classify", json={"images": [text] * 3}),
        service.post("/score", json={"data": [text]}),
    ]
    first = answers[0].json()["results"]
    assert [answer.json()["results"] for answer in answers[1:3]] == [first * 3] * 2
    assert answers[3].json()[0]["label"] == first[0]["predicted"]


def test_strict_json_reads_all_that_is_json() -> None:
    for value in ({"a": [1, 2.5, None, True, "é"]}, [], "x", 0):
        assert bodies.strict_json(json.dumps(value).encode()) == value
