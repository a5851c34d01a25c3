"""The Open Inference Protocol: as its clients speak it, JSON and binary."""

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest
import requests
from support.pictures import encoded, texture
from support.services import Service

from swatchbook.images import decoding
from swatchbook.images.frame import Frame

INFER = "/v2/models/tiny/infer"
FILES = [encoded(texture(n)) for n in range(3)]
PIXELS = np.stack([decoding.decode(data, Frame(32, "pad")) for data in FILES])


def tensor(datatype: str, shape: list[int], data: Any = None, **parameters: Any) -> dict[str, Any]:
    row = {"name": "images", "datatype": datatype, "shape": shape}
    return (
        row
        | ({"data": data} if data is not None else {})
        | ({"parameters": parameters} if parameters else {})
    )


@pytest.fixture
def expected(service: Service) -> np.ndarray:
    form = [("image", (str(n), data)) for n, data in enumerate(FILES)]
    results = service.post("/v1/classify", files=form).json()["results"]
    rows = [{one["label"]: one["probability"] for one in result["top"]} for result in results]
    return np.array([[row[name] for name in ("blue", "green", "red")] for row in rows])


def test_health_and_metadata(service: Service) -> None:
    assert service.get("/v2/health/live").json() == {"live": True}
    assert service.get("/v2/health/ready").json() == {"ready": True}
    assert service.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    model = service.get("/v2/models/tiny").json()
    assert model["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 32, 32, 3]}]
    assert [out["name"] for out in model["outputs"]] == ["probabilities", "label", "features"]
    assert json.loads(model["parameters"]["labels"]) == ["blue", "green", "red"]
    (version,) = model["versions"]
    assert service.get(f"/v2/models/tiny/versions/{version}").json() == model
    assert service.get(f"/v2/models/tiny/versions/{version}/ready").status_code == 200
    assert service.get("/v2/models/tiny/ready").json() == {"name": "tiny", "ready": True}


@pytest.mark.parametrize("path", ["/v2/models/other", "/v2/models/tiny/versions/9"])
def test_an_unknown_model_or_version_is_not_found(service: Service, path: str) -> None:  # F17
    for answer in (
        service.get(path), service.get(f"{path}/ready"), service.post(f"{path}/infer", json={}),
    ):  # fmt: skip
        assert answer.status_code == 404
        assert "there is" in answer.json()["error"]


def test_json_of_pixels_nested_or_flat(service: Service, expected: np.ndarray) -> None:
    for data in (PIXELS.tolist(), PIXELS.ravel().tolist()):
        body = {"id": "42", "inputs": [tensor("UINT8", [3, 32, 32, 3], data)]}
        answer = service.post(INFER, json=body).json()
        assert (answer["id"], answer["model_name"]) == ("42", "tiny")
        probabilities, label = answer["outputs"]
        assert np.reshape(probabilities["data"], (3, 3)) == pytest.approx(expected, abs=1e-5)
        assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [3, 3])
        assert label["data"] == expected.argmax(axis=1).tolist()


def test_json_of_encoded_images(service: Service, expected: np.ndarray) -> None:
    texts = [base64.b64encode(data).decode() for data in FILES]
    body = {
        "inputs": [tensor("BYTES", [3], texts)],
        "outputs": [{"name": "features"}, {"name": "probabilities"}],
    }
    features, probabilities = service.post(INFER, json=body).json()["outputs"]
    assert features["shape"] == [3, 96]
    assert np.reshape(probabilities["data"], (3, 3)) == pytest.approx(expected, abs=1e-5)


def binary(service: Service, content: Any, tail: bytes, length: str | None = None) -> Any:
    head = json.dumps(content).encode()
    headers = {"Inference-Header-Content-Length": length or str(len(head))}
    return service.post(INFER, data=head + tail, headers=headers)


@pytest.mark.parametrize("length", ["0", "-1", "x", "99999", "9" * 5000])
def test_a_length_that_is_none_is_refused(service: Service, length: str) -> None:
    answer = binary(service, {}, b"", length)
    assert answer.status_code == 400
    assert "is not a length within the body" in answer.json()["error"]


@pytest.mark.parametrize("datatype", ["UINT8", "BYTES"])
def test_binary_tensors_as_triton_clients_send_them(
    service: Service, expected: np.ndarray, datatype: str
) -> None:
    shape, tail = [3, 32, 32, 3], PIXELS.tobytes()
    if datatype == "BYTES":
        shape = [3]
        tail = b"".join(struct.pack("<I", len(data)) + data for data in FILES)
    content = {
        "inputs": [tensor(datatype, shape, binary_data_size=len(tail))],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}},
                    {"name": "label", "parameters": {"binary_data": False}}],
    }  # fmt: skip
    answer = binary(service, content, tail)
    size = int(answer.headers["Inference-Header-Content-Length"])
    head = json.loads(answer.content[:size])
    found = np.frombuffer(answer.content[size:], "<f4").reshape(head["outputs"][0]["shape"])
    assert found == pytest.approx(expected, abs=1e-5)
    assert head["outputs"][1]["data"] == expected.argmax(axis=1).tolist()
    everything = {**content, "parameters": {"binary_data_output": True}, "outputs": []}
    answer = binary(service, everything, tail)
    size = int(answer.headers["Inference-Header-Content-Length"])
    assert len(answer.content) - size == 3 * 3 * 4 + 3 * 8


FLAT = PIXELS[:1].ravel().tolist()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),  # F07
        ([], 422),
        ({"inputs": []}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], FLAT)] * 2}, 422),
        ({"inputs": [{**tensor("UINT8", [1, 32, 32, 3], FLAT), "name": "other"}]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3])]}, 422),
        ({"inputs": [tensor("FP32", [1, 32, 32, 3], FLAT)]}, 422),
        ({"inputs": [tensor("UINT8", [1, 3, 32, 32], FLAT)]}, 422),
        ({"inputs": [tensor("UINT8", [2, 32, 32, 3], FLAT)]}, 422),
        ({"inputs": [tensor("UINT8", [65, 32, 32, 3], FLAT)]}, 413),
        ({"inputs": [tensor("UINT8", [-1, 32, 32, 3], FLAT)]}, 422),
        ({"inputs": [tensor("UINT8", [2**40, 32, 32, 3], FLAT)]}, 422),
        ({"inputs": [tensor("UINT8", [], [])]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], [*FLAT[:-1], 256])]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], [*FLAT[:-1], -1])]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], [*FLAT[:-1], 0.5])]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], [*FLAT[:-1], "1"])]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], [True] * len(FLAT))]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], [*FLAT[:-1], 10**30])]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], [FLAT[:-1], [1]])]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], {"a": 1})]}, 422),
        # as a numpy array, this would be 400 times as large
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], ["a" * 10**5, *FLAT[:-1]])]}, 422),
        ({"inputs": [tensor("UINT8", [1, 32, 32, 3], [[], [], FLAT])]}, 422),
        ({"inputs": [tensor("BYTES", [2], ["AAAA"])]}, 422),
        ({"inputs": [tensor("BYTES", [1], [base64.b64encode(b"junk").decode()])]}, 422),
        ({"inputs": [tensor("BYTES", [1], ["AAAA"])], "outputs": [{"name": "x"}]}, 422),
        ({"inputs": [tensor("BYTES", [1], ["AAAA"])], "outputs": 1}, 422),
        ({"inputs": [tensor("BYTES", [1], ["AAAA"])], "id": 1}, 422),
        ({"inputs": [tensor("BYTES", [1], ["AAAA"])], "parameters": 1}, 422),
        ({"inputs": [{**tensor("BYTES", [1], ["AAAA"]), "parameters": 1}]}, 422),
    ],
)
def test_a_wrong_tensor_is_refused(service: Service, body: Any, status: int) -> None:
    answer = service.post(INFER, json=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})


@pytest.mark.parametrize(
    ("size", "length", "status"),
    [(10, None, 400), (3072, "0", 400), (3072, "99999999", 400), (3072, "-1", 400),
     ("x", None, 400), (-1, None, 400), (3072, "5", 400)],
)  # fmt: skip
def test_lengths_that_lie_are_refused(
    service: Service, size: Any, length: str | None, status: int
) -> None:
    content = {"inputs": [tensor("UINT8", [1, 32, 32, 3], binary_data_size=size)]}
    answer = binary(service, content, PIXELS[:1].tobytes(), length)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})


@pytest.mark.parametrize("tail", [b"\xff\xff\xff\xffabc", b"\0\0", b"\2\0\0\0a"])
def test_elements_that_do_not_fill_their_tensor_are_refused(service: Service, tail: bytes) -> None:
    content = {"inputs": [tensor("BYTES", [1], binary_data_size=len(tail))]}
    assert binary(service, content, tail).status_code == 422


@pytest.mark.parametrize("path", ["/v2/health/ready", "/v2/health/live", "/v1/model", "/metrics"])
def test_a_probe_by_head_is_answered_as_get_without_a_body(service: Service, path: str) -> None:
    answer = requests.head(service.url + path, timeout=10)  # U6
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0 or path.startswith("/v2/health")
    assert requests.head(f"{service.url}/v1/classify", timeout=10).status_code == 405
