"""The puppet: rest is the photo, and each motion does to it what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.motion import Motion, coefficients
from export.landmarks import EYES, lip_gap, mouth_width
from export.motions import sample_motions
from export.puppet import CLOSED_GAP, Fields, Puppet
from tests.export.conftest import Face

N = 64


@pytest.fixture(scope="module")
def puppet(neutral: Face) -> Puppet:
    return Puppet(neutral.image, neutral.landmarks)


def fields(puppet: Puppet, **motion: float) -> Fields:
    return puppet.fields(coefficients(**motion), N)


def shown(puppet: Puppet, **motion: float) -> NDArray[np.float64]:
    return puppet.landmarks(coefficients(**motion))


def test_rest_moves_nothing_and_paints_nothing(puppet: Puppet) -> None:
    assert puppet.gap < CLOSED_GAP
    rest = fields(puppet)
    assert rest.flow.shape == (2, N, N)
    assert rest.alpha.shape == (1, N, N)
    assert rest.colour.shape == (3, N, N)
    assert rest.stack().shape == (8, N, N)
    assert rest.stack().dtype == np.float32
    assert np.abs(rest.flow).max() < 0.15 / N, "less than a sixth of a pixel"
    assert rest.alpha.max() < 0.02
    np.testing.assert_array_equal(puppet.landmarks(Motion().face), puppet.rest)


def test_the_jaw_opens_a_mouth(puppet: Puppet) -> None:
    assert lip_gap(shown(puppet)) < 1e-6
    gaps = [float(lip_gap(shown(puppet, jawOpen=v))) for v in (0.2, 0.5, 1.0)]
    assert gaps == sorted(gaps)
    assert 0.2 < gaps[-1] < 0.7
    opened = fields(puppet, jawOpen=0.6)
    y, x = np.nonzero(opened.alpha[0] > 0.5)
    assert len(x) > 30
    assert abs(x.mean() / N - 0.5) < 0.03
    assert 0.5 < y.mean() / N < 0.8
    chin = int(shown(puppet, jawOpen=0.6)[152, 1] * N)
    assert opened.flow[1, chin - 2, N // 2] < -0.03, "the chin is looked up further up"


def test_lips_seal_round_and_spread(puppet: Puppet) -> None:
    rest = mouth_width(shown(puppet))
    assert mouth_width(shown(puppet, mouthPucker=1)) < 0.85 * rest
    assert mouth_width(shown(puppet, mouthSmile=1)) > 1.08 * rest
    assert lip_gap(shown(puppet, jawOpen=0.4, mouthClose=0.4)) < 0.5 * lip_gap(
        shown(puppet, jawOpen=0.4)
    )


def test_lips_and_lids_never_cross(puppet: Puppet) -> None:
    for face in sample_motions(40, np.random.default_rng(1)):
        points = puppet.landmarks(face)
        for upper, lower in EYES:
            assert (points[list(lower), 1] >= points[list(upper), 1] - 1e-9).all()
        assert points[14, 1] >= points[13, 1] - 1e-9


def test_lids_close(puppet: Puppet) -> None:
    open_, shut = shown(puppet), shown(puppet, eyeBlink=1)
    for upper, lower in EYES:

        def opening(p: NDArray[np.float64], u: tuple[int, ...] = upper,
                    l_: tuple[int, ...] = lower) -> float:  # fmt: skip
            return float((p[list(l_), 1] - p[list(u), 1])[2:-2].mean())

        assert opening(shut) < 0.08 * opening(open_)
    assert fields(puppet, eyeBlink=1).alpha.max() > 0.2, "lashes"
    one = shown(puppet, eyeBlinkLeft=1)
    np.testing.assert_allclose(one[list(EYES[0][0])], open_[list(EYES[0][0])], atol=2e-3)


def test_irises_look_the_same_way(puppet: Puppet) -> None:
    """To the subject's left: the photo is looked up to the left of where the iris now is."""
    flow = fields(puppet, eyeLookOutLeft=0.6, eyeLookInRight=0.6).flow
    for eye in puppet.irises[[0, 5]]:
        x, y = (eye * N).astype(int)
        assert flow[0, y, x] < -0.005
    down = fields(puppet, eyeLookDown=0.6).flow
    for eye in puppet.irises[[0, 5]]:
        x, y = (eye * N).astype(int)
        assert down[1, y, x] < -0.002


def test_everything_stays_finite_and_in_range(puppet: Puppet) -> None:
    for face in sample_motions(10, np.random.default_rng(2)):
        found = puppet.fields(face, N)
        assert np.isfinite(found.stack()).all()
        assert 0 <= found.alpha.min() <= found.alpha.max() <= 1
        assert -0.01 <= found.colour.min() <= found.colour.max() <= 1.01
        assert np.abs(found.flow).max() < 0.3


def test_the_border_of_the_canvas_stays(puppet: Puppet) -> None:
    flow = fields(puppet, jawOpen=1, mouthSmile=1).flow
    for border in (flow[:, 0], flow[:, :, 0], flow[:, :, -1]):
        assert np.abs(border).max() < 0.02


@pytest.mark.export
def test_an_open_smile_is_closed_for_rest(astronaut: Face) -> None:
    puppet = Puppet(astronaut.image, astronaut.landmarks)
    assert puppet.gap > CLOSED_GAP
    assert lip_gap(puppet.rest) < 0.02
    closed = puppet.fields(Motion().face, N)
    painted = closed.alpha[0] > 0.3
    assert closed.light[0][painted].max() < 0.3, "a seam, in which no teeth are seen"
    assert lip_gap(puppet.landmarks(coefficients(jawOpen=0.5))) > 0.1


def test_a_known_identity_is_kept(puppet: Puppet, neutral: Face) -> None:
    again = Puppet(neutral.image, neutral.landmarks, puppet.fit)
    np.testing.assert_array_equal(again.fit.identity, puppet.fit.identity)
