"""ONNX Runtime without its telemetry; nothing else imports it.

Since 1.29 its builds for Linux tell their maker of each session (hashes of the network, names of
its nodes) unless a variable is set before the library is loaded (microsoft/onnxruntime#27379).
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def session(network: bytes, provider: str = CPU) -> onnxruntime.InferenceSession:
    """Ready to run ``network`` on one thread: idle ones would burn more than they do."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(network, options, providers=[provider])


def plain_session(network: bytes) -> onnxruntime.InferenceSession:
    """As anybody may run it: with the library's own defaults, on the CPU."""
    return onnxruntime.InferenceSession(network, providers=[CPU])


def has_cuda() -> bool:
    """Whether this build can run networks on a GPU."""
    return CUDA in onnxruntime.get_available_providers()
