"""Messages between this project and the process that runs CNTK, the same code on both sides.

It runs in Python 3.6 too. A message is four bytes of length (little-endian), a JSON object of that
length, and the arrays that its key ``arrays`` lists as ``[name, dtype, shape]``, in C order.
"""

import json
import struct
from typing import Any, Dict, Tuple

import numpy as np

Header = Dict[str, Any]
Arrays = Dict[str, np.ndarray]


def send(sink: Any, header: Header, arrays: Arrays) -> None:
    """Write a message to a binary file."""
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    listed = [(name, str(array.dtype), array.shape) for name, array in plain.items()]
    text = json.dumps(dict(header, arrays=listed)).encode()
    for data in [struct.pack("<I", len(text)) + text, *map(_bytes_of, plain.values())]:
        left = memoryview(data)
        while len(left):  # an unbuffered write may take a part only
            left = left[sink.write(left) :]
    sink.flush()


def receive(source: Any) -> Tuple[Header, Arrays]:
    """Read a message from a binary file. Raises EOFError where it ends before the message does."""
    (length,) = struct.unpack("<I", _read(source, 4))
    header = json.loads(bytes(_read(source, length)).decode())
    arrays = {}
    for name, kind, shape in header.pop("arrays"):
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
        arrays[name] = np.frombuffer(_read(source, size), kind).reshape(shape)
    return header, arrays


def _bytes_of(array: np.ndarray) -> bytes:
    return array.tobytes()


def _read(source: Any, count: int) -> bytearray:
    data = bytearray(count)
    view, done = memoryview(data), 0
    while done < count:
        got = source.readinto(view[done:])
        if not got:
            raise EOFError
        done += got
    return data
