"""Tensors of the Open Inference Protocol, in JSON or, as Triton's extension has it, in binary.

``images`` are pixels (UINT8) or encoded images (BYTES; base64 in JSON).
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi.responses import JSONResponse, Response

from swatchbook.server.problem import Problem
from swatchbook.service.routes import bodies
from swatchbook.service.scoring import Score

LENGTH = "Inference-Header-Content-Length"
OUTPUTS = {"probabilities": "FP32", "label": "INT64", "features": "FP32"}
_DTYPES = {"FP32": "<f4", "INT64": "<i8"}
_DEFAULT = ("probabilities", "label")


@dataclass(frozen=True)
class Asked:
    """``images``: pixels ``(n, r, r, 3) uint8`` or encoded; which outputs, which in binary."""

    id: str | None
    images: np.ndarray | list[bytes]
    outputs: list[str]
    binary: set[str]


def asked(body: bytes, length: str | None, side: int, most: int) -> Asked:
    """What a body of JSON, or of JSON of ``length`` with binary tensors behind it, asks for.

    ``side`` is the resolution of the model; up to ``most`` images are taken. Raises Problem.
    """
    size = len(body)
    if length is not None:
        # of thousands of digits int() would make an error of its own
        if not length.isdecimal() or len(length) > 12 or not 0 < int(length) <= len(body):
            raise Problem(400, f"{LENGTH}: {length[:20]!r} is not a length within the body")
        size = int(length)
    content = bodies.strict_json(body[:size])
    match content:
        case {"inputs": [{"name": "images", "shape": [*shape], "datatype": str(kind)} as given]}:
            pass
        case _:
            raise Problem(
                422, "inputs: one tensor 'images' with shape, datatype and data is wanted"
            )
    if not all(type(side) is int and 0 < side < 2**31 for side in shape):
        raise Problem(422, f"images: shape {str(shape)[:100]} is not one of positive numbers")
    tail = _tail(given, body[size:])
    if shape and shape[0] > most:
        raise Problem(413, f"{shape[0]} images in one request; at most {most}")
    outputs, binary = _wanted(content)
    identity = content.get("id")
    if identity is not None and not isinstance(identity, str):
        raise Problem(422, "id: must be a text")
    images = _pixels(given, shape, tail, side) if kind == "UINT8" else None
    if images is None:
        if kind != "BYTES":
            raise Problem(422, f"images: datatype {kind[:20]!r}; UINT8 or BYTES is wanted")
        return Asked(identity, _encoded(given, shape, tail, most), outputs, binary)
    return Asked(identity, images, outputs, binary)


def _tail(given: dict[str, Any], rest: bytes) -> bytes | None:
    """The binary tensor behind the JSON; None where the JSON holds the data."""
    parameters = given.get("parameters", {})
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        if rest:
            raise Problem(400, f"{len(rest)} bytes behind the JSON belong to no tensor")
        return None
    if type(size) is not int or size != len(rest):
        raise Problem(400, f"binary_data_size: {str(size)[:20]} but {len(rest)} bytes follow")
    if "data" in given:
        raise Problem(422, "images: data in JSON beside binary data")
    return rest


def _pixels(given: dict[str, Any], shape: list[int], tail: bytes | None, side: int) -> np.ndarray:
    if len(shape) != 4 or shape[1:] != [side, side, 3]:
        raise Problem(422, f"images: shape {shape} but [n, {side}, {side}, 3] is wanted")
    wanted = int(np.prod(shape))
    if tail is not None:
        if len(tail) != wanted:
            raise Problem(422, f"images: {len(tail)} bytes for the shape {shape}")
        return np.frombuffer(tail, np.uint8).reshape(shape)
    numbers = _whole_numbers(given.get("data"), shape)
    return np.fromiter(numbers, np.uint8, wanted).reshape(shape)


def _whole_numbers(data: Any, shape: list[int]) -> list[int]:
    """The numbers of a flat list, or of lists nested as ``shape`` says.

    Not by numpy, for which one long text among them costs gigabytes. Raises Problem.
    """
    is_flat = isinstance(data, list) and data and type(data[0]) is int
    rows: list[Any] = [data]
    for side in [int(np.prod(shape))] if is_flat else shape:
        if not all(type(row) is list and len(row) == side for row in rows):
            raise Problem(422, f"images: data are not of the shape {shape}")
        rows = [item for row in rows for item in row]
    if not all(type(number) is int and 0 <= number <= 255 for number in rows):
        raise Problem(422, "images: a pixel is not a whole number of 0…255")
    return rows


def _encoded(given: dict[str, Any], shape: list[int], tail: bytes | None, most: int) -> list[bytes]:
    contents: list[bytes] = []
    if tail is None:
        contents = bodies.of_base64(given.get("data"), most)
    else:
        at = 0
        while at + 4 <= len(tail):
            (size,) = struct.unpack_from("<I", tail, at)
            contents.append(tail[at + 4 : at + 4 + size])
            at += 4 + size
        if at != len(tail):
            raise Problem(422, "images: the lengths of the elements don't fill the tensor")
    if int(np.prod(shape)) != len(contents) or len(shape) not in (1, 2):
        raise Problem(422, f"images: {len(contents)} elements for the shape {shape}")
    return contents


def _wanted(content: dict[str, Any]) -> tuple[list[str], set[str]]:
    rows = content.get("outputs", [{"name": name} for name in _DEFAULT])
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and row.get("name") in [*OUTPUTS] for row in rows
    ):
        raise Problem(422, f"outputs: known are {', '.join(OUTPUTS)}")
    everything = _flag(content, "binary_data_output")
    names = [row["name"] for row in rows] or [*_DEFAULT]
    binary = {row["name"] for row in rows if _flag(row, "binary_data", everything)}
    return list(dict.fromkeys(names)), binary if rows else set(names if everything else ())


def _flag(row: dict[str, Any], name: str, default: bool = False) -> bool:
    parameters = row.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Problem(422, "parameters: must be an object")
    return bool(parameters.get(name, default))


def reply(asked: Asked, name: str, version: str, scores: list[Score]) -> Response:
    """The answer, with those outputs in binary that were asked for so."""
    probabilities = np.stack([score.probabilities for score in scores])
    tensors = {
        "probabilities": probabilities,
        "label": probabilities.argmax(axis=1),
        "features": np.stack([score.features for score in scores]),
    }
    outputs, tails = [], []
    for output in asked.outputs:
        tensor = tensors[output]
        row: dict[str, Any] = {
            "name": output, "datatype": OUTPUTS[output], "shape": list(tensor.shape),
        }  # fmt: skip
        if output in asked.binary:
            tails.append(tensor.astype(_DTYPES[OUTPUTS[output]]).tobytes())
            row["parameters"] = {"binary_data_size": len(tails[-1])}
        else:
            row["data"] = tensor.ravel().tolist()
        outputs.append(row)
    content: dict[str, Any] = {
        "model_name": name, "model_version": version, "outputs": outputs,
    }  # fmt: skip
    if asked.id is not None:
        content["id"] = asked.id
    if not tails:
        return JSONResponse(content)
    head = json.dumps(content).encode()
    return Response(
        b"".join([head, *tails]), media_type="application/octet-stream",
        headers={LENGTH: str(len(head))},
    )  # fmt: skip
