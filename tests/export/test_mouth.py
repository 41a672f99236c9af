"""The inside of the mouth: layers in their places, lit like the photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.mouth import LAYERS, PIXELS_PER_CM, Layer, Mouth, bite_offset
from export.raster import polygon_coverage

N = 128
AWAY = np.array([[0.5, 0, -500], [0, 0.5, -500]])


def hole(height: float = 40) -> NDArray[np.float32]:
    """An open mouth in the middle."""
    angle = np.linspace(0, 2 * np.pi, 60)
    ellipse = np.stack([64 + 36 * np.cos(angle), 64 + height / 2 * np.sin(angle)], 1)
    return polygon_coverage(ellipse, N)


def at(x: float, y: float, scale: float = 0.5) -> NDArray[np.float64]:
    return np.array([[scale, 0, x], [0, scale, y]])


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


def test_an_empty_mouth_is_a_dark_cavity() -> None:
    colour = Mouth(np.full(3, 0.9, np.float32)).draw(hole(), dict.fromkeys(LAYERS, AWAY))
    assert colour.shape == (N, N, 3)
    assert colour.dtype == np.float32
    inside = colour[hole() > 0.9]
    assert inside.max() < 0.4
    assert (inside[:, 0] > inside[:, 2]).all(), "reddish"


def test_teeth_are_seen_where_they_are_placed() -> None:
    mouth = Mouth(np.full(3, 0.9, np.float32))
    away = mouth.draw(hole(), dict.fromkeys(LAYERS, AWAY))
    there = mouth.draw(hole(), dict.fromkeys(LAYERS, AWAY) | {"upper_teeth": at(64, 60)})
    change = np.abs(there - away).max(-1) > 0.05
    y, x = np.nonzero(change)
    assert x.mean() == pytest.approx(64, abs=8)
    assert abs(y.mean() - 60) < 25
    assert there[change].mean() > away[change].mean() + 0.2, "and they are brighter"


def test_the_tongue_comes_out() -> None:
    mouth = Mouth(np.full(3, 0.9, np.float32))
    placed = dict.fromkeys(LAYERS, AWAY) | {"tongue": at(64, 80)}
    rows = []
    for out in (0.0, 1.0):
        change = np.abs(
            mouth.draw(hole(), placed, out) - mouth.draw(hole(), dict.fromkeys(LAYERS, AWAY))
        ).sum(-1)
        rows.append((change.sum(1) * np.arange(N)).sum() / change.sum())
    assert rows[1] < rows[0] - 3, "the layer is moved by it"


@pytest.mark.parametrize("white", [(0.9, 0.7, 0.5), (0.3, 0.3, 0.35)])
def test_light_tints_and_dims(white: tuple[float, float, float]) -> None:
    placed = {name: at(64, 64) for name in LAYERS}
    plain = Mouth(np.full(3, 0.6, np.float32)).draw(hole(), placed)
    lit = Mouth(np.array(white, np.float32)).draw(hole(), placed)
    well = (plain > 0.05).all(-1) & (lit < 0.99).all(-1) & (plain < 0.99).all(-1)
    ratio = lit[well] / plain[well]
    np.testing.assert_allclose(ratio.mean(0), np.array(white) / 0.6, rtol=0.01)


def test_a_closed_mouth_does_no_harm() -> None:
    colour = Mouth(np.full(3, 0.9, np.float32)).draw(
        np.zeros((N, N), np.float32), {name: at(64, 64) for name in LAYERS}
    )
    assert np.isfinite(colour).all()
