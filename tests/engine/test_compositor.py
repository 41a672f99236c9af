"""The compositor: rest is the photo, lookups go where flow and head say, colour covers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.compositor import HEAD_LIMIT, Compositor
from engine.face import Canvas
from tests import bundles

N = bundles.CANVAS
STILL = np.zeros(3, np.float32)


def canvas(
    flow: tuple[float, float] = (0, 0),
    cover: tuple[float, ...] = (0, 0, 0, 0),
    mouth: tuple[float, float] = (0, 0),
    jaw: tuple[float, float] = (0, 0),
) -> Canvas:
    """The same everywhere; teeth are in the dark unless ``mouth`` says otherwise."""
    return Canvas(
        np.full((N, N, 2), flow, np.float32),
        np.full((N, N, 4), cover, np.float32),
        np.full((N, N, 2), mouth, np.float32),
        np.array(jaw, np.float32),
    )


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    return bundles.photo()


@pytest.fixture(scope="module")
def compositor(photo: NDArray[np.uint8]) -> Compositor:
    return Compositor(photo, np.array(bundles.MATRIX), N, bundles.teeth())


def test_rest_is_the_photo(compositor: Compositor, photo: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(compositor.draw(canvas(), STILL), photo)


def test_flow_is_in_canvas_widths(compositor: Compositor, photo: NDArray[np.uint8]) -> None:
    frame = compositor.draw(canvas(flow=(0.125, -0.0625)), STILL)  # 12 and -6 of 96 pixels
    middle = np.s_[50:70, 50:70]
    difference = frame[middle].astype(int) - photo[middle]
    np.testing.assert_allclose(difference[..., 0], 12, atol=1)
    np.testing.assert_allclose(difference[..., 1], -6, atol=1)


def test_nothing_moves_outside_the_canvas(compositor: Compositor, photo: NDArray[np.uint8]) -> None:
    """But for the one canvas pixel that interpolation reaches over."""
    frame = compositor.draw(canvas(flow=(0.1, 0.1), cover=(1, 1, 1, 1)), STILL)
    for border in (np.s_[:10], np.s_[-10:], np.s_[:, :10], np.s_[:, -10:]):
        np.testing.assert_array_equal(frame[border], photo[border])


def test_the_canvas_fades_out(compositor: Compositor, photo: NDArray[np.uint8]) -> None:
    """A hard border would show as a box around the face."""
    frame = compositor.draw(canvas(cover=(0, 0, 0, 1)), STILL)
    covered = 1 - frame[64, :, 2] / photo[64, :, 2].astype(float)
    assert covered[64] == 1
    assert np.abs(np.diff(covered)).max() < 0.4


def test_colour_covers_the_photo(compositor: Compositor) -> None:
    frame = compositor.draw(canvas(cover=(1, 0.5, 0, 1)), STILL)
    np.testing.assert_array_equal(frame[64, 64], [255, 128, 0])


def test_colour_is_premultiplied(compositor: Compositor, photo: NDArray[np.uint8]) -> None:
    frame = compositor.draw(canvas(cover=(0.5, 0, 0, 0.5)), STILL)
    np.testing.assert_allclose(frame[64, 64], photo[64, 64] * 0.5 + (127.5, 0, 0), atol=1)


OPEN = (0.2, 0, 0, 1)


def test_teeth_are_seen_in_an_open_mouth_only(
    compositor: Compositor, photo: NDArray[np.uint8]
) -> None:
    np.testing.assert_array_equal(compositor.draw(canvas(mouth=(1, 0)), STILL), photo)
    frame = compositor.draw(canvas(cover=OPEN, mouth=(1, 0)), STILL)
    np.testing.assert_array_equal(frame[78, 64], [255, 255, 255])
    np.testing.assert_array_equal(frame[82, 64], [0, 255, 0])
    np.testing.assert_array_equal(frame[86, 64], [51, 0, 0])


def test_a_half_covered_pixel_shows_half_of_a_tooth(
    compositor: Compositor, photo: NDArray[np.uint8]
) -> None:
    half = tuple(0.5 * v for v in OPEN)
    frame = compositor.draw(canvas(cover=half, mouth=(1, 0)), STILL)
    np.testing.assert_allclose(frame[78, 64], photo[78, 64] / 2 + 127.5, atol=1)


def test_the_lower_teeth_go_with_the_jaw(compositor: Compositor) -> None:
    dropped = compositor.draw(canvas(cover=OPEN, mouth=(1, 0), jaw=(0, 0.0625)), STILL)  # 6 pixels
    np.testing.assert_array_equal(dropped[78, 64], [255, 255, 255])
    np.testing.assert_array_equal(dropped[82, 64], [51, 0, 0])
    np.testing.assert_array_equal(dropped[88, 64], [0, 255, 0])


def test_light_dims_teeth_and_darkness_hides_them(compositor: Compositor) -> None:
    dim = compositor.draw(canvas(cover=OPEN, mouth=(0.5, 0)), STILL)
    np.testing.assert_allclose(dim[78, 64], [128, 128, 128], atol=1)
    dark = compositor.draw(canvas(cover=OPEN, mouth=(0, 0)), STILL)
    np.testing.assert_array_equal(dark[78, 64], [51, 0, 0])


def test_the_tongue_hides_the_lower_teeth_alone(compositor: Compositor) -> None:
    frame = compositor.draw(canvas(cover=OPEN, mouth=(1, 1)), STILL)
    np.testing.assert_array_equal(frame[78, 64], [255, 255, 255])
    np.testing.assert_array_equal(frame[82, 64], [51, 0, 0])


def test_teeth_turn_with_the_head_and_do_not_stretch_with_the_skin(compositor: Compositor) -> None:
    """Flow moves skin; the skull, and the teeth in it, only turn."""
    stretched = compositor.draw(canvas(flow=(0, -0.1), cover=OPEN, mouth=(1, 0)), STILL)
    np.testing.assert_array_equal(stretched[78, 64], [255, 255, 255])

    def middle(yaw: float) -> float:
        head = np.array([0, yaw, 0], np.float32)
        row = compositor.draw(canvas(cover=OPEN, mouth=(1, 0)), head)[78, :, 1].astype(float)
        white = np.where(row > 200, row, 0)
        return float((white * np.arange(len(row))).sum() / white.sum())

    assert middle(0.06) > middle(0) + 1


def test_teeth_beyond_the_frame_do_no_harm(photo: NDArray[np.uint8]) -> None:
    for origin in ((-40.0, 60.0), (120.0, 120.0), (500.0, 500.0), (60.0, -8.0)):
        teeth = replace(bundles.teeth(), origin=np.array(origin))
        drawn = Compositor(photo, np.array(bundles.MATRIX), N, teeth)
        assert drawn.draw(canvas(cover=OPEN, mouth=(1, 0)), STILL).shape == photo.shape


def _dot(at: tuple[int, int], head: list[float]) -> tuple[float, float]:
    """How far a bright dot in the photo moves when the head turns: right and down, pixels."""
    image = np.zeros((256, 256, 3), np.uint8)
    cv2.circle(image, at, 6, (255, 255, 255), -1, cv2.LINE_AA)
    compositor = Compositor(image, np.array([[160.0, 0, 48], [0, 160, 40]]), N, bundles.teeth())
    frame = compositor.draw(canvas(), np.array(head, np.float32))[..., 0].astype(float)
    y, x = np.mgrid[:256, :256]
    return (frame * x).sum() / frame.sum() - at[0], (frame * y).sum() / frame.sum() - at[1]


def test_yaw_turns_to_the_subjects_left() -> None:
    right, down = _dot((128, 107), [0, 0.06, 0])
    assert right > 2
    assert abs(down) < 0.3


def test_pitch_nods_down() -> None:
    right, down = _dot((128, 107), [0.06, 0, 0])
    assert down > 2
    assert abs(right) < 0.3


def test_roll_tilts_to_the_subjects_left_shoulder() -> None:
    right, _ = _dot((128, 60), [0, 0, 0.06])
    assert right > 4


def test_a_turned_head_leaves_the_frames_border_alone() -> None:
    image = bundles.photo(256, 256)
    compositor = Compositor(image, np.array([[160.0, 0, 48], [0, 160, 40]]), N, bundles.teeth())
    frame = compositor.draw(canvas(), np.array([0.05, -0.08, 0.08], np.float32))
    for border in (np.s_[0], np.s_[:, 0], np.s_[:, -1]):
        np.testing.assert_array_equal(frame[border], image[border])


def test_the_head_is_limited(compositor: Compositor) -> None:
    far = compositor.draw(canvas(), np.array([1, -1, 2], np.float32))
    most = compositor.draw(canvas(), np.array([1, -1, 1], np.float32) * HEAD_LIMIT)
    np.testing.assert_array_equal(far, most)


def test_frames_drawn_side_by_side_do_not_mix(compositor: Compositor) -> None:
    def draw(k: int) -> NDArray[np.uint8]:
        head = np.array([0, k / 400, 0], np.float32)
        return compositor.draw(canvas(flow=(k / 200, 0), cover=(0, 0, 0, k / 40)), head)

    alone = [draw(k) for k in range(20)]
    with ThreadPoolExecutor(4) as pool:
        for frame, expected in zip(pool.map(draw, range(20)), alone, strict=True):
            np.testing.assert_array_equal(frame, expected)
