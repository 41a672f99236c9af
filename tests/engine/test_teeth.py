"""Teeth layers: what is packed is what is unpacked, and nothing else is taken for teeth."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engine.errors import BadBundle
from engine.teeth import Teeth
from tests import bundles

ORIGIN = np.array([3.0, 4.5])


def test_survive_a_round_trip() -> None:
    teeth = bundles.teeth()
    again = Teeth.from_png(teeth.png(), ORIGIN, "me")
    np.testing.assert_array_equal(again.upper, teeth.upper)
    np.testing.assert_array_equal(again.lower, teeth.lower)
    np.testing.assert_array_equal(again.origin, ORIGIN)


def _png(*shape: int, dtype: type = np.uint8) -> bytes:
    return cv2.imencode(".png", np.zeros(shape, dtype))[1].tobytes()


@pytest.mark.parametrize(
    "png",
    [
        b"",
        b"no picture at all, but long enough",
        _png(8, 8, 3),
        _png(7, 8, 4),
        _png(8, 8, 4, dtype=np.uint16),
        _png(8, 5000, 4),
        bundles.teeth().png()[:60],
    ],
    ids=["empty", "text", "no alpha", "odd", "16 bit", "huge", "cut off"],
)
def test_refuse_what_is_not_teeth(png: bytes) -> None:
    with pytest.raises(BadBundle, match="me: its teeth are a picture"):
        Teeth.from_png(png, ORIGIN, "me")


@pytest.mark.parametrize("origin", [[0.0], [0.0, np.nan], [[0.0, 1.0]]])
def test_refuse_no_place(origin: list[float]) -> None:
    with pytest.raises(BadBundle, match="expected x and y"):
        Teeth.from_png(bundles.teeth().png(), np.array(origin), "me")
