"""A fixed workload that stands for the speed of a machine, so that latencies become ratios.

One 3x3 convolution of 32 to 32 channels on 448x256 pixels in float32, 1.06 GMAC, by ONNX Runtime.
Its size is fixed so that one ratio compares sizes, machines and days alike: a network of N GMAC
that runs as well as a plain convolution has a ratio of about N / 1.06.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

WIDTH, HEIGHT, CHANNELS = 448, 256, 32
DESCRIPTION = f"onnxruntime conv 3x3 {CHANNELS}->{CHANNELS}, {WIDTH}x{HEIGHT}, float32"


def reference_model() -> bytes:
    """The workload as an ONNX file: input ``x`` ``(1, 32, 256, 448)``, output ``y``."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shape = [1, CHANNELS, HEIGHT, WIDTH]
    weight = np.random.default_rng(0).standard_normal((CHANNELS, CHANNELS, 3, 3), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])],
        "latency_reference",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def reference_workload(threads: int | None) -> Callable[[], object]:
    """A function that runs the workload once, with the given threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    # Its threads must not spin on while the artifact runs in turn with it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        reference_model(), options, providers=["CPUExecutionProvider"]
    )
    random = np.random.default_rng(1)
    feed = {"x": random.standard_normal((1, CHANNELS, HEIGHT, WIDTH), dtype=np.float32)}
    return lambda: session.run(None, feed)
