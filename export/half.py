"""Half precision for the convolutions of an ONNX model, and for nothing else.

What lies between the first and the last convolution is nearly all of the work, and bears rounding
to 11 bits. What comes before them does not: latents, styles and demodulation are small, and a
displacement is a difference of large numbers (``export.frame.InHalf``). Nor does what comes after
them: the heads' sums become coordinates. A converter that takes each node for itself rounds on
every edge, whatever its nodes compute in; so this one works on the region as a whole, with casts
where values enter and leave it.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

__all__ = ["halved"]

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_ALWAYS_SINGLE = {"Resize": (1, 2)}  # inputs by their place: scales are no activations


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose convolutions, and all between them, compute in half. Inputs and outputs stay."""
    typed = shape_inference.infer_shapes(model, strict_mode=True)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    region = _between_convolutions(graph)
    single = {
        value.name
        for value in (*typed.graph.value_info, *typed.graph.input, *typed.graph.output)
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    weights = {i.name: i for i in graph.initializer if i.data_type == TensorProto.FLOAT}
    half: dict[str, str] = {}  # name of a value -> name of the same in half
    nodes: list[onnx.NodeProto] = []
    left: set[str] = {o.name for o in graph.output}  # what is wanted in single
    for k, node in enumerate(graph.node):
        if k not in region:
            left.update(node.input)
            nodes.append(node)
            continue
        for place, name in enumerate(node.input):
            if place in _ALWAYS_SINGLE.get(node.op_type, ()):
                left.add(name)
            elif name in half:
                node.input[place] = half[name]
            elif name in weights:
                half[name] = node.input[place] = f"{name}.f16"
                value = numpy_helper.to_array(weights[name]).astype(np.float16)
                graph.initializer.append(numpy_helper.from_array(value, half[name]))
            elif name in single:
                half[name] = f"{name}.f16"
                nodes.append(_cast(name, half[name], TensorProto.FLOAT16))
                node.input[place] = half[name]
        for place, name in enumerate(node.output):
            if name in single:
                half[name] = node.output[place] = f"{name}.f16"
        nodes.append(node)
    casts = {name: _cast(half[name], name, TensorProto.FLOAT) for name in left & half.keys()}
    made = {name for node in nodes for name in node.output}
    del graph.node[:]
    for node in nodes:
        graph.node.append(node)
        for name in node.output:
            original = name.removesuffix(".f16")
            if original in casts and original not in made:
                graph.node.append(casts[original])
    used = {name for node in graph.node for name in node.input}
    kept = [i for i in graph.initializer if i.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    return result


def _between_convolutions(graph: onnx.GraphProto) -> set[int]:
    """Indices of the convolutions, and of the nodes both after and before one."""
    after, before = set(), set()
    values: set[str] = set()
    for k, node in enumerate(graph.node):
        if node.op_type in _CONVOLUTIONS or values & set(node.input):
            after.add(k)
            values.update(node.output)
    values = set()
    for k, node in reversed(list(enumerate(graph.node))):
        if node.op_type in _CONVOLUTIONS or values & set(node.output):
            before.add(k)
            values.update(node.input)
    return after & before


def _cast(source: str, target: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], to=to, name=f"cast.{target}")
