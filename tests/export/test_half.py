"""Convolutions in half, everything around them in single."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine.runtime.onnx import OnnxModel
from export.half import halved

SCALES = np.array([1, 1, 2, 2], np.float32)
WEIGHT = (np.random.default_rng(1).normal(size=(8, 8, 3, 3)) / 8).astype(np.float32)


def model() -> onnx.ModelProto:
    """style = big - big, x * style -> conv -> activation, upsampling -> conv -> + offset."""
    rng = np.random.default_rng(0)
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Add", ["w", "big"], ["far"]),
            node("Sub", ["far", "big"], ["style"]),  # what halves would lose
            node("Mul", ["const", "style"], ["x"]),
            node("Conv", ["x", "weight"], ["y"], pads=[1] * 4),
            node("LeakyRelu", ["y"], ["a"], alpha=0.2),
            node("Resize", ["a", "", "scales"], ["up"], mode="linear"),
            node("Conv", ["up", "weight"], ["z"], pads=[1] * 4),
            node("Add", ["z", "offset"], ["out"]),
            node("Shape", ["up"], ["size"]),
        ],
        "g",
        [helper.make_tensor_value_info("w", TensorProto.FLOAT, ["batch", 8, 1, 1])],
        [
            helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", 8, 8, 8]),
            helper.make_tensor_value_info("a", TensorProto.FLOAT, ["batch", 8, 4, 4]),
            helper.make_tensor_value_info("size", TensorProto.INT64, [4]),
        ],
        [
            numpy_helper.from_array(np.array(1000, np.float32), "big"),
            numpy_helper.from_array(rng.normal(size=(1, 8, 4, 4)).astype(np.float32), "const"),
            numpy_helper.from_array(WEIGHT, "weight"),
            numpy_helper.from_array(SCALES, "scales"),
            numpy_helper.from_array(rng.normal(size=(1, 8, 8, 8)).astype(np.float32), "offset"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


@pytest.fixture(scope="module")
def half() -> onnx.ModelProto:
    return halved(model())


def test_gives_nearly_the_same(half: onnx.ModelProto) -> None:
    onnx.checker.check_model(half, full_check=True)
    single, other = OnnxModel(model().SerializeToString()), OnnxModel(half.SerializeToString())
    assert other.inputs == single.inputs
    assert other.outputs == single.outputs
    w = np.random.default_rng(2).normal(size=(3, 8, 1, 1)).astype(np.float32)
    ours, theirs = single.run({"w": w}), other.run({"w": w})
    for name in ("out", "a"):
        assert theirs[name].dtype == np.float32
        worst = float(np.abs(ours[name] - theirs[name]).max())
        assert 0 < worst < 5e-3, "rounded, and no more than that"
    np.testing.assert_array_equal(ours["size"], theirs["size"])


def test_only_convolutions_and_what_is_between_are_in_half(half: onnx.ModelProto) -> None:
    typed = onnx.shape_inference.infer_shapes(half, strict_mode=True)
    types = {v.name: v.type.tensor_type.elem_type for v in typed.graph.value_info}
    for node in half.graph.node:
        if node.op_type == "Conv":
            assert all(types.get(i, TensorProto.FLOAT16) == TensorProto.FLOAT16 for i in node.input)
    assert types["style"] == types["x"] == TensorProto.FLOAT, "before the first one"
    assert types["up.f16"] == TensorProto.FLOAT16
    kept = {i.name: i.data_type for i in half.graph.initializer}
    assert kept["weight.f16"] == TensorProto.FLOAT16
    assert kept["offset"] == kept["big"] == kept["scales"] == TensorProto.FLOAT
    assert "weight" not in kept, "not twice in the file"
    assert half.ByteSize() < model().ByteSize()
