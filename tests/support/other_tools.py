"""Other tools with what leaves here, each in a process of its own: they bring much along.

    python -m support.other_tools TOOL FILE

prints what a test can check as JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def _pixels(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, side, side, 3), dtype=np.uint8)


def _plain(file: Path, options: Any = None) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    side = session.get_inputs()[0].shape[1]
    return session.run(["probabilities"], {"images": _pixels(side)})[0]


def _difference(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(found - wanted).max())


def checker(file: Path) -> dict[str, Any]:
    """onnx's own, with the shapes of everything."""
    import onnx

    onnx.checker.check_model(file, full_check=True)
    return {"is_valid": True}


def optimiser(file: Path) -> dict[str, Any]:
    """The copy that ONNX Runtime writes of what it made of the file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # what it makes of a network for one kind of processor runs nowhere else
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = "optimised.onnx"
    wanted = _plain(file, options)
    return {"difference": _difference(_plain(Path("optimised.onnx")), wanted)}


def quantisation(file: Path) -> dict[str, Any]:
    """Of ONNX Runtime, to 8 bits."""
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(file, "quantised.onnx", op_types_to_quantize=["MatMul", "Gemm"])
    return {"difference": _difference(_plain(Path("quantised.onnx")), _plain(file))}


def openvino(file: Path) -> dict[str, Any]:
    """With its defaults, and in float32."""
    import openvino

    def run(**settings: str) -> np.ndarray:
        compiled = openvino.Core().compile_model(file, "CPU", settings)
        side = compiled.input(0).partial_shape[1].get_length()
        return compiled(_pixels(side))[compiled.output("probabilities")]

    wanted = _plain(file)
    return {
        "difference": _difference(run(), wanted),
        "difference_float32": _difference(run(INFERENCE_PRECISION_HINT="f32"), wanted),
    }


def duckdb(file: Path) -> dict[str, Any]:
    """A table of predictions, by a query."""
    import duckdb

    query = f"""
        select count(*), count(*) filter (status = 'refused'), avg(confidence)
        from '{file.as_posix()}'
    """
    rows, refused, mean = duckdb.sql(query).fetchall()[0]
    return {"rows": rows, "refused": refused, "mean": mean}


def main() -> None:
    """Run one of the above."""
    tool, file = sys.argv[1:]
    tools = {one.__name__: one for one in (checker, optimiser, quantisation, openvino, duckdb)}
    print(json.dumps(tools[tool](Path(file))))


if __name__ == "__main__":
    main()
