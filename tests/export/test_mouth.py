"""The inside of the mouth: layers in their places, lit like the photo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.motion import ARKIT_INDEX, coefficients
from export.basis import LandmarkBasis
from export.fit import Fit, Pose
from export.mouth import LAYERS, PIXELS_PER_CM, Layer, Mouth, bite_offset
from export.raster import polygon_coverage

N = 128


def hole(height: float = 40) -> NDArray[np.float32]:
    """An open mouth in the middle."""
    angle = np.linspace(0, 2 * np.pi, 60)
    ellipse = np.stack([64 + 36 * np.cos(angle), 64 + height / 2 * np.sin(angle)], 1)
    return polygon_coverage(ellipse, N)


def test_the_shipped_atlas_is_whole() -> None:
    layers = Layer.load_all()
    assert set(layers) == set(LAYERS)
    for layer in layers.values():
        assert layer.rgba.dtype == np.float32
        assert 0 <= layer.rgba.min() <= layer.rgba.max() <= 1
        assert layer.rgba[..., 3].max() > 0.9
        assert 0 <= layer.origin[0] < layer.rgba.shape[1]
    teeth = layers["upper_teeth"].rgba
    solid = teeth[teeth[..., 3] > 0.9][:, :3]
    assert solid.max() > 0.7, "teeth are white"


def test_layers_survive_a_round_trip(tmp_path: Path) -> None:
    folder = tmp_path / "atlas"
    Layer.save_all(Layer.load_all(), folder)
    again = Layer.load_all(folder)
    for name, layer in Layer.load_all().items():
        np.testing.assert_array_equal(again[name].rgba, layer.rgba)
        np.testing.assert_allclose(again[name].origin, layer.origin)


def test_teeth_bite_where_the_atlas_says() -> None:
    assert bite_offset("upper_teeth") > 0 > -bite_offset("upper_teeth")
    assert bite_offset("lower_teeth") < bite_offset("upper_teeth")
    for name in LAYERS:
        assert abs(bite_offset(name)) < 2 * PIXELS_PER_CM


@pytest.fixture(scope="module")
def fitted() -> Fit:
    """The basis's own face, its mouth where :func:`hole` is, in units of the canvas."""
    basis = LandmarkBasis.load()
    pose = Pose(np.zeros(3), 0.056, np.zeros(2))
    pose = replace(pose, shift=np.array([0.5, 0.44]) - pose.project(basis.neutral[13]))
    return Fit(pose, np.zeros(len(basis.identity)), np.zeros(52), 0.0)


def mouth(fitted: Fit, tone: tuple[float, float, float] = (0.9, 0.9, 0.9)) -> Mouth:
    return Mouth(fitted, np.array([0.5, 0.44]), 0.5, np.array(tone, np.float32))


def test_the_inside_is_darker_than_enamel_and_reddish(fitted: Fit) -> None:
    colour, light, tongue = mouth(fitted).draw(hole(), coefficients(jawOpen=0.6))
    assert colour.shape == (N, N, 3)
    assert colour.dtype == np.float32
    inside = colour[hole() > 0.9]
    assert inside.mean() < 0.6
    assert (inside[:, 0] > inside[:, 2]).all()
    assert 0.4 < light[hole() > 0.9].min() <= light.max() <= 1
    assert not tongue.any()


def test_the_upper_lip_throws_a_shadow(fitted: Fit) -> None:
    _, light, _ = mouth(fitted).draw(hole(), coefficients())
    assert light[48, 64] < light[68, 64] - 0.1


def test_rounded_lips_let_in_less_light(fitted: Fit) -> None:
    wide = mouth(fitted).draw(hole(), coefficients())[1]
    small = hole() * (np.abs(np.arange(N) - 64) < 14)
    assert mouth(fitted).draw(small, coefficients())[1][64, 64] < wide[64, 64] - 0.1


def test_the_tongue_comes_out_over_the_lower_teeth(fitted: Fit) -> None:
    tops = []
    for out in (0.7, 1.0):
        face = coefficients(jawOpen=0.5, tongueOut=out)
        _, _, over = mouth(fitted).draw(hole(), face)
        assert over.max() > 0.9
        tops.append(np.flatnonzero(over.max(1) > 0.5)[0])
    assert tops[1] < tops[0]
    assert not mouth(fitted).draw(hole(), coefficients(jawOpen=0.5, tongueOut=0.2))[2].any()


def test_the_lower_teeth_go_with_the_jaw(fitted: Fit) -> None:
    jaw = mouth(fitted).jaw
    assert jaw.shape == (52, 2)
    assert jaw[ARKIT_INDEX["jawOpen"], 1] > 0.03
    assert abs(jaw[ARKIT_INDEX["browDown" + "Left"]]).max() < 1e-3


def test_teeth_are_layers_in_their_places(fitted: Fit) -> None:
    matrix = np.array([[400.0, 0, 50], [0, 400, 30]])
    teeth = mouth(fitted).teeth(matrix)
    assert teeth.upper.shape == teeth.lower.shape
    seam = matrix[:, :2] @ (0.5, 0.44) + matrix[:, 2]

    def rows(layer: NDArray[np.uint8]) -> NDArray[np.intp]:
        """Where the middle of the mouth is bright and pale, rows of the frame."""
        column = layer[:, round(seam[0] - teeth.origin[0]) + 6].astype(float)
        enamel = (column[:, 3] > 200) & (column[:, :3].min(1) > 0.75 * column[:, :3].max(1))
        return np.flatnonzero(enamel) + int(teeth.origin[1])

    cm = 0.056 * 400
    assert rows(teeth.upper).max() == pytest.approx(seam[1] + 0.2 * cm, abs=2)
    assert rows(teeth.lower).min() == pytest.approx(seam[1] - 0.06 * cm, abs=2)


@pytest.mark.parametrize("tone", [(0.9, 0.7, 0.5), (0.3, 0.3, 0.35)])
def test_light_tints_and_dims(fitted: Fit, tone: tuple[float, float, float]) -> None:
    face = coefficients(jawOpen=0.5)
    plain = mouth(fitted, (0.6, 0.6, 0.6)).draw(hole(), face)[0]
    lit = mouth(fitted, tone).draw(hole(), face)[0]
    well = (plain > 0.05).all(-1) & (lit < 0.99).all(-1) & (plain < 0.99).all(-1)
    ratio = lit[well] / plain[well]
    np.testing.assert_allclose(ratio.mean(0), np.array(tone) / 0.6, rtol=0.01)


def test_a_closed_mouth_does_no_harm(fitted: Fit) -> None:
    for part in mouth(fitted).draw(np.zeros((N, N), np.float32), coefficients()):
        assert np.isfinite(part).all()
