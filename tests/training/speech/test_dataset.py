"""Windows carry the target of the hop that the network is asked about, and masks that are true."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.speech.augmentation import Surroundings  # noqa: E402
from training.speech.dataset import (  # noqa: E402
    Example,
    Windows,
    collate,
    tracked_example,
    voice_activity,
)
from training.speech.phones import Phone  # noqa: E402
from training.speech.tracking import Track  # noqa: E402

pytestmark = pytest.mark.export

PHONES = (Phone("SIL", 0.0, 0.5), Phone("AA", 0.5, 1.5), Phone("SIL", 1.5, 3.0))


@pytest.fixture(scope="module")
def surroundings() -> Surroundings:
    return Surroundings([np.ones(40000, np.float32)], pieces=8)


def test_voice_lasts_a_little_longer_than_the_phones_and_bridges_short_pauses() -> None:
    voice = voice_activity(PHONES, 300)
    assert voice[45:155].all()
    assert not voice[:43].any()
    assert not voice[158:].any()
    gapped = (Phone("AA", 0.5, 1.0), Phone("SIL", 1.0, 1.1), Phone("AA", 1.1, 1.5))
    assert voice_activity(gapped, 300)[45:155].all()


def test_tracked_lips_are_shifted_by_the_offset_and_rest_in_silence() -> None:
    times = np.arange(75, dtype=np.float32) / 25
    lips = np.broadcast_to(times[:, None, None], (75, 40, 2)).copy()
    track = Track("a", times, lips, np.zeros(48000, np.float32))
    example = tracked_example(track, PHONES, offset=0.1)
    assert example.displacement is not None
    assert example.displacement[100, 0, 0] == pytest.approx(0.9, abs=0.01)
    assert not example.displacement[200].any()


def test_frames_without_a_face_are_no_targets() -> None:
    times = np.arange(75, dtype=np.float32) / 25
    lips = np.zeros((75, 40, 2), np.float32)
    lips[20:35] = np.nan
    example = tracked_example(Track("a", times, lips, np.zeros(48000, np.float32)), PHONES, 0.0)
    assert example.displacement is not None
    assert np.isnan(example.displacement[110]).all()
    assert not np.isnan(example.displacement[60]).any()


@pytest.mark.parametrize("look_ahead", [0, 4])
def test_the_target_of_a_column_is_look_ahead_hops_older(
    surroundings: Surroundings, look_ahead: int
) -> None:
    """The sound clicks at hop 150 and the control jumps there; column 150 must hear the click
    and be asked for the jump ``look_ahead`` columns later."""
    sound = np.zeros(48000, np.float32)
    sound[150 * 160 :] = 0.3
    controls = np.zeros((300, 16), np.float32)
    controls[150:] = 1.0
    example = Example(sound, np.ones(300, np.float32), controls=controls)
    windows = Windows([example], surroundings, look_ahead, speeds=(1.0, 1.0), hops=256)
    rng = np.random.default_rng(0)
    clean = windows._window  # the window itself, without the surroundings
    windows._surround = lambda s, _: s  # type: ignore[method-assign]
    window = clean(example, 20, 1.0, rng)
    jump = int((window["controls"][:, 0] > 0.5).argmax())
    heard = int((window["columns"].max(axis=1) > -10).argmax())
    assert heard == 130
    assert jump == 130 + look_ahead


def test_silent_windows_ask_for_rest(surroundings: Surroundings) -> None:
    windows = Windows([], surroundings, 4)
    batch = collate([next(windows.silence(np.random.default_rng(0))) for _ in range(3)])
    assert batch.columns.shape == (3, 256, 80)
    assert not batch.voice.any()
    assert not batch.controls.any()
    assert batch.aligned.any()
    assert not batch.tracked.any()
