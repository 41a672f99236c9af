"""The GPU form of a face model: ``frame.onnx``, motion in, frame out, for any number of streams.

Made from ``face.onnx`` alone, so it can be added to every bundle that there is. Three steps:

1. :func:`batched`: the model, which is exported for one motion, takes any number of them.
2. Half precision, where asked for. Inputs and outputs stay single; so does the photo's warp.
3. The compositor (``export.frame``) is appended to it.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import compose, helper, numpy_helper

from engine.avatar import Avatar
from engine.compositor import HEAD_LIMIT, Compositor
from engine.errors import ModelMismatch
from engine.face import PICTURE
from engine.motion import ARKIT
from engine.output import written_whole
from engine.runtime.onnx import OnnxModel
from export.bundle import with_part
from export.half import halved
from export.motions import sample_motions
from export.to_onnx import FACE_OUTPUTS, store_in_half, to_onnx

__all__ = ["FRAME_METADATA", "Precision", "add_gpu_form", "batched", "frame_onnx", "prove"]

FRAME_METADATA = {"format": "avatar-engine frame 1", "coefficients": ",".join(ARKIT)}
BATCH = "batch"
STEPS = 50
# Of the worst frame against the CPU's. Rounding alone, of lookups and colours, leaves 60.
_LEAST_DECIBELS = 45.0


class Precision(StrEnum):
    """Of the face network's weights and activations."""

    fp32 = "fp32"
    fp16 = "fp16"


def frame_onnx(face: bytes, compositor: Compositor, precision: Precision) -> bytes:
    """``frame.onnx``: face ``[batch, 52]`` and head ``[batch, 3]``, both float32, to frames
    ``[batch, H, W, 3]`` uint8 RGB.

    face: ``face.onnx`` of a bundle. compositor: of the same bundle.

    Raises ModelMismatch for a face model whose batch can not be freed.
    """
    network = batched(onnx.load_from_string(face))
    if precision is Precision.fp16:
        network = halved(network)
    store_in_half(network.graph)
    warp = _compositor_onnx(compositor, network)
    # Names are the exporter's in both; what is not joined must not meet.
    network = compose.add_prefix(network, "face.", rename_inputs=False, rename_outputs=False)
    warp = compose.add_prefix(warp, "warp.", rename_inputs=False, rename_outputs=False)
    warp.ir_version = network.ir_version
    joined = [(output.name, output.name) for output in network.graph.output]
    whole = compose.merge_models(network, warp, joined)
    helper.set_model_props(whole, FRAME_METADATA | {"precision": precision.value})
    whole.graph.name = "frame"
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString())


def batched(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with ``batch`` for the 1 that all its inputs and outputs begin with.

    Convolutions and what works number by number do not mind how many samples there are. What does
    is a reshape to a shape that was written down, and a constant that is joined to what moves.

    Raises ModelMismatch for other ways of having a fixed batch.
    """
    model = _folded(model)
    graph = model.graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in constants:
            shape = constants[node.input[1]].copy()
            if shape[0] == 1:
                shape[0] = 0 if -1 in shape else -1
                if shape[0] == 0:
                    _drop(node, "allowzero")
                name = f"{node.output[0]}.shape"
                graph.initializer.append(numpy_helper.from_array(shape, name))
                node.input[1] = name
        elif node.op_type == "Resize" and len(node.input) > 3 and node.input[3]:
            raise ModelMismatch(
                f"the face model resizes to fixed sizes at {node.name!r}, expected scales: export "
                "the avatar anew"
            )
        elif node.op_type == "Concat" and helper.get_node_attr_value(node, "axis") != 0:
            nodes += _repeated(node, constants, graph)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    del graph.value_info[:]  # of a batch of one
    return model


def _repeated(
    node: onnx.NodeProto, constants: dict[str, NDArray[np.generic]], graph: onnx.GraphProto
) -> list[onnx.NodeProto]:
    """What goes before a concatenation so that its constants are there once for each sample."""
    moving = [name for name in node.input if name not in constants]
    fixed = [(k, name) for k, name in enumerate(node.input) if name in constants]
    if not moving or not fixed:
        return []
    prefix = f"{node.output[0]}.batch"
    zero, one = (f"{prefix}.{k}" for k in (0, 1))
    graph.initializer.extend(
        numpy_helper.from_array(np.array([k], np.int64), name) for k, name in ((0, zero), (1, one))
    )
    before = [
        helper.make_node("Shape", [moving[0]], [f"{prefix}.shape"]),
        helper.make_node("Slice", [f"{prefix}.shape", zero, one], [f"{prefix}.n"]),
    ]
    for k, name in fixed:
        rest = np.array(constants[name].shape[1:], np.int64)
        graph.initializer.append(numpy_helper.from_array(rest, f"{prefix}.rest{k}"))
        node.input[k] = f"{prefix}.constant{k}"
        before += [
            helper.make_node(
                "Concat", [f"{prefix}.n", f"{prefix}.rest{k}"], [f"{prefix}.to{k}"], axis=0
            ),
            helper.make_node("Expand", [name, f"{prefix}.to{k}"], [node.input[k]]),
        ]
    return before


def _drop(node: onnx.NodeProto, attribute: str) -> None:
    kept = [a for a in node.attribute if a.name != attribute]
    del node.attribute[:]
    node.attribute.extend(kept)


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Everything that depends on no input worked out, by onnxruntime, in single precision."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        folded = onnx.load(path)
    del folded.opset_import[:]
    folded.opset_import.extend(o for o in model.opset_import if o.domain in ("", "ai.onnx"))
    return folded


def _compositor_onnx(compositor: Compositor, network: onnx.ModelProto) -> onnx.ModelProto:
    """The warp: fields, jaw and head to frames, opset and batch as those of ``network``."""
    import torch

    from export.frame import FrameCompositor, PaintedCompositor

    shapes = {
        o.name: [d.dim_value for d in o.type.tensor_type.shape.dim[1:]]
        for o in network.graph.output
    }
    names = tuple(PICTURE) if shapes.keys() == PICTURE.keys() else FACE_OUTPUTS
    warp = PaintedCompositor if names == tuple(PICTURE) else FrameCompositor
    example = tuple(torch.zeros(2, *shapes[name]) for name in names)
    content = to_onnx(
        warp(compositor).eval(),
        (*example, torch.zeros(2, 3)),
        [*names, "head"],
        ["frame"],
        {},
        batch=BATCH,
    )
    return onnx.load_from_string(content)


def add_gpu_form(
    source: Path,
    out: Path,
    precision: Precision,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> tuple[Avatar, float]:
    """Write the bundle ``source`` to ``out``, which may be the same file, with its GPU form in it.

    Gives the avatar, and decibels of the worst of 50 frames against the CPU's.

    Raises BadBundle for what is no bundle, ModelMismatch for a form that is not the CPU's.
    """
    avatar = Avatar.load(source)  # every hash of what is read below
    with zipfile.ZipFile(source) as archive:
        face = archive.read("face.onnx")
    progress("writing the GPU form", 0.0)
    frame = frame_onnx(face, avatar.compositor, precision)
    progress("proving the GPU form", 0.7)
    worst = prove(avatar, frame)
    described = {
        "inputs": {"face": [BATCH, len(ARKIT)], "head": [BATCH, 3]},
        "outputs": {"frame": [BATCH, avatar.height, avatar.width, 3]},
        "precision": precision.value,
    }
    with written_whole(out) as partial:
        made = with_part(source, partial, "frame.onnx", frame, described)
    progress("proving the GPU form", 1.0)
    return made, worst


def prove(avatar: Avatar, frame: bytes) -> float:
    """Decibels of the worst of 50 frames against the CPU's, alone and in a batch.

    Raises ModelMismatch where one is further from it than rounding can explain.
    """
    model = OnnxModel(frame)
    rng = np.random.default_rng(7)
    faces = sample_motions(STEPS, rng)
    heads = rng.uniform(-HEAD_LIMIT, HEAD_LIMIT, (STEPS, 3)).astype(np.float32)
    worst = float("inf")
    for begin, end in ((0, 1), (1, 4), *((n, n + 1) for n in range(4, STEPS))):
        drawn = model.run({"face": faces[begin:end], "head": heads[begin:end]})["frame"]
        for frame_, motion, head in zip(drawn, faces[begin:end], heads[begin:end], strict=True):
            expected = avatar.compositor.draw(avatar.face.canvas(motion), head)
            error = float(np.mean((frame_.astype(np.float32) - expected) ** 2))
            worst = min(worst, float(10 * np.log10(255**2 / max(error, 1e-9))))
    if not worst >= _LEAST_DECIBELS:
        raise ModelMismatch(
            f"the GPU form's worst frame is {worst:.1f} dB from the CPU's, expected "
            f"{_LEAST_DECIBELS:.0f} or more: export it with --precision fp32"
        )
    return worst
