"""The exported prior, its identity open, is the torch one for anybody."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engine.errors import ModelMismatch  # noqa: E402
from engine.runtime.onnx import OnnxModel  # noqa: E402
from export.generator.lite import CHANNELS, LiteConfig  # noqa: E402
from export.generator.prior import FaceGenerator, LitePrior  # noqa: E402
from export.template import STILL, Template  # noqa: E402
from training.template import encoder_onnx, open_face_onnx, prove  # noqa: E402

pytestmark = pytest.mark.export
CONFIG = LiteConfig(w_dim=16, channels=(16, 16, 16, 16, 16, 16))


def prior(seed: int) -> LitePrior:
    torch.manual_seed(seed)
    made = LitePrior(CONFIG)
    made.round_to_half()
    return made.eval()


def exported(made: LitePrior) -> Template:
    w = torch.zeros(1, CONFIG.num_ws, CONFIG.w_dim)
    rest = torch.zeros(1, CHANNELS, CONFIG.size, CONFIG.size)
    generator = FaceGenerator(made, w, rest, torch.zeros(52, 2))
    encoder = OnnxModel(encoder_onnx(made.encoder, CONFIG.size, "a"))
    return Template(encoder, open_face_onnx(generator, "a"))


def test_it_is_the_torch_prior_for_anybody_and_no_other() -> None:
    made = prior(0)
    template = exported(made)
    assert STILL in template.model.outputs
    assert max(prove(made, template, seed) for seed in (0, 1)) < 2e-3
    with pytest.raises(ModelMismatch):
        prove(prior(1), template)
    size = CONFIG.size
    assert template.encoder.inputs == {"picture": (1, 3, size, size), "landmarks": (1, 468, 2)}
    assert np.prod(template.encoder.outputs["w"]) == CONFIG.num_ws * CONFIG.w_dim
