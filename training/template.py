"""Export the released prior for avatars without torch (``export.template``).

``python -m training.template`` writes the encoder and the open face model from
``lite_prior.safetensors`` and proves them against torch; the last step of ``make train-generator``.
"""

from __future__ import annotations

import hashlib
import logging

import numpy as np
import onnx
import torch
from onnx import helper
from torch import Tensor, nn
from torch.func import functional_call

from engine.motion import ARKIT
from engine.output import written_whole
from engine.runtime.onnx import OnnxModel
from export.generator.encoder import LANDMARKS, Encoder
from export.generator.lite import CHANNELS
from export.generator.prior import PRIOR_PATH, FaceGenerator, LitePrior
from export.motions import sample_motions
from export.template import ENCODER_PATH, PREFIX, STILL, TEMPLATE_PATH, Template
from export.to_onnx import FACE_METADATA, FACE_OUTPUTS, to_onnx
from export.verify import Arrays, torch_step, verify

__all__ = ["encoder_onnx", "main", "open_face_onnx", "prove"]

log = logging.getLogger(__name__)

_TOLERANCE = 5e-3  # activations in another order of summation; weights are the same to the bit


class _OpenFace(nn.Module):
    """A generator whose buffers, all that is a person's own, are arguments."""

    def __init__(self, generator: FaceGenerator) -> None:
        super().__init__()
        self.generator = generator
        self.names = tuple(name for name, _ in generator.named_buffers())

    def forward(self, face: Tensor, *identity: Tensor) -> tuple[Tensor, ...]:
        own = dict(zip(self.names, identity, strict=True))
        return tuple(functional_call(self.generator, own, (face,)))


class _Pivot(nn.Module):
    """The encoder one level down: torch.export can not trace a layer that is named ``code``."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, picture: Tensor, landmarks: Tensor) -> Tensor:
        return self.encoder(picture, landmarks)


def encoder_onnx(encoder: Encoder, size: int, prior: str) -> bytes:
    """``picture [1, 3, N, N]``, ``landmarks [1, 468, 2]`` -> ``w [1, num_ws, w_dim]``.

    prior: what it belongs to.
    """
    metadata = {"format": "avatar-engine encoder 1", "prior": prior}
    example = (torch.zeros(1, 3, size, size), torch.zeros(1, LANDMARKS, 2))
    return to_onnx(_Pivot(encoder).eval(), example, ["picture", "landmarks"], ["w"], metadata)


def open_face_onnx(generator: FaceGenerator, prior: str) -> bytes:
    """The face model with inputs ``identity.*`` and the output ``still``."""
    module = _OpenFace(generator).eval()
    example = (torch.zeros(1, len(ARKIT)), *(value.clone() for value in generator.buffers()))
    inputs = ["face", *(f"{PREFIX}{name}" for name in module.names)]
    metadata = FACE_METADATA | {"prior": prior}
    model = onnx.load_from_string(to_onnx(module, example, inputs, FACE_OUTPUTS, metadata))
    _expose_still(model.graph)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _expose_still(graph: onnx.GraphProto) -> None:
    """Make what the offset is added to an output."""
    offset = f"{PREFIX}offset"
    (addition,) = (node for node in graph.node if offset in node.input)
    assert addition.op_type == "Add"
    (before,) = (name for name in addition.input if name != offset)
    shape = next(i.type.tensor_type.shape for i in graph.input if i.name == offset)
    dims = [d.dim_value for d in shape.dim]
    graph.node.append(helper.make_node("Identity", [before], [STILL]))
    graph.output.append(helper.make_tensor_value_info(STILL, onnx.TensorProto.FLOAT, dims))


def prove(prior: LitePrior, template: Template, seed: int = 0) -> float:
    """The greatest difference of encoder and filled template from torch, on noise for a photo.

    Raises ModelMismatch where it is more than a rounding error.
    """
    rng = np.random.default_rng(seed)
    size = prior.config.size
    picture = rng.integers(0, 255, (size, size, 3), np.uint8)
    rest = rng.uniform(-0.02, 0.4, (CHANNELS, size, size)).astype(np.float32)
    landmarks = prior.encoder.mean.numpy() + rng.normal(0, 0.01, (LANDMARKS, 2))
    w = prior.pivot(picture, landmarks)
    jaw = torch.from_numpy(rng.uniform(-0.1, 0.1, (len(ARKIT), 2)).astype(np.float32))
    generator = FaceGenerator(prior, w, torch.from_numpy(rest)[None], jaw).eval()
    own = {k: v.numpy() for k, v in generator.named_buffers() if k not in ("w", "offset")}
    identity = template.identity(picture, landmarks, rest, **own)
    motions = sample_motions(50, rng)

    def motion(step: int) -> Arrays:
        return {"face": motions[step : step + 1]}

    filled = OnnxModel(template.filled(identity))
    reference = torch_step(generator, ["face"], FACE_OUTPUTS)
    return max(verify(reference, filled, motion, tolerance=_TOLERANCE).worst.values())


def main() -> None:
    """Write both resources."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    prior = LitePrior.load()
    origin = hashlib.sha256(PRIOR_PATH.read_bytes()).hexdigest()
    config = prior.config
    w = torch.zeros(1, config.num_ws, config.w_dim)
    rest = torch.zeros(1, CHANNELS, config.size, config.size)
    generator = FaceGenerator(prior, w, rest, torch.zeros(len(ARKIT), 2))
    models = {
        ENCODER_PATH: encoder_onnx(prior.encoder, config.size, origin),
        TEMPLATE_PATH: open_face_onnx(generator, origin),
    }
    template = Template(OnnxModel(models[ENCODER_PATH]), models[TEMPLATE_PATH])
    worst = max(prove(prior, template, seed) for seed in range(3))
    for path, content in models.items():
        with written_whole(path) as partial:
            partial.write_bytes(content)
        log.info("%s: %.1f MB", path.name, len(content) / 1e6)
    log.info("greatest difference from torch: %.2g", worst)


if __name__ == "__main__":
    main()
