"""Matrix products in float32: the rate that convolutions on this machine are held to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 1024
OPERATIONS = 2 * SIDE**3


def sgemms(threads: int) -> dict[str, Callable[[], object]]:
    """By library a function that multiplies two matrices of 1024 x 1024 once.

    In ONNX Runtime the second one is constant, as weights are, so that it is packed beforehand.
    numpy's library takes its threads from the environment; see
    :func:`cdfi_bench.fused_rounds.environment`.
    """
    import torch

    random = np.random.default_rng(0)
    first, second = random.standard_normal((2, SIDE, SIDE), dtype=np.float32)
    tensors = torch.from_numpy(first), torch.from_numpy(second)
    session = _session(second, threads)
    return {
        "numpy": lambda: first @ second,
        "torch": lambda: tensors[0] @ tensors[1],
        "onnxruntime": lambda: session.run(None, {"first": first}),
    }


def _session(second: NDArray[np.float32], threads: int) -> Any:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    shape = [SIDE, SIDE]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["first", "second"], ["product"])],
        "sgemm",
        [helper.make_tensor_value_info("first", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(second, "second")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Its threads must not spin on while others run in turn with it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
