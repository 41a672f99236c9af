"""The face model: the canvas it gives, and the models it refuses."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from engine.errors import ModelMismatch
from engine.face import FaceModel
from engine.motion import coefficients
from tests import bundles


def test_gives_a_premultiplied_canvas() -> None:
    face = FaceModel(bundles.face_model())
    assert face.size == bundles.CANVAS
    canvas = face.canvas(coefficients(jawOpen=0.5))
    assert canvas.flow.shape == (16, 16, 2)
    assert canvas.cover.shape == (16, 16, 4)
    assert canvas.mouth.shape == (16, 16, 2)
    assert canvas.flow.dtype == canvas.cover.dtype == canvas.mouth.dtype == np.float32
    np.testing.assert_allclose(canvas.jaw, [0, 0.05])
    assert canvas.mouth[..., 0].all()
    assert not canvas.mouth[..., 1].any()
    alpha = canvas.cover[..., 3]
    assert alpha.max() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose(canvas.cover[..., 0], 0.5 * alpha)
    assert canvas.flow[..., 1].min() == pytest.approx(-0.05 * alpha.max())
    assert not canvas.flow[..., 0].any()


def test_a_picture_covers_the_photo() -> None:
    face = FaceModel(bundles.picture_model())
    canvas = face.canvas(coefficients(jawOpen=0.5))
    assert face.size == bundles.CANVAS
    assert canvas.cover.shape == (16, 16, 4)
    assert (canvas.cover[..., 3] == 1).all()
    np.testing.assert_allclose(canvas.cover[..., 0], 0.5)
    np.testing.assert_allclose(canvas.cover[..., 1], 1)  # what is too bright is cut off
    assert not canvas.flow.any()
    assert not canvas.mouth.any()
    assert not canvas.jaw.any()


def test_takes_any_float_array() -> None:
    face = FaceModel(bundles.face_model())
    strided = np.zeros((52, 2))[:, 0]
    assert not face.canvas(strided).flow.any()


def _renamed() -> bytes:
    model = onnx.load_from_string(bundles.face_model())
    model.graph.output[0].name = model.graph.node[3].output[0] = "warp"
    return bytes(model.SerializeToString())


def _without_colour() -> bytes:
    model = onnx.load_from_string(bundles.face_model())
    del model.graph.output[2]
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    "model",
    [bundles.face_model(coefficients=51), _renamed(), _without_colour()],
    ids=["51 coefficients", "other names", "no colour"],
)
def test_refuses_other_models(model: bytes) -> None:
    with pytest.raises(ModelMismatch, match=r"expected face \[1, 52\]"):
        FaceModel(model)
