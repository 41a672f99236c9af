"""Windows carry the target of the hop that the network is asked about, and masks that are true."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.speech.augmentation import Surroundings  # noqa: E402
from training.speech.coarticulation import Coarticulation  # noqa: E402
from training.speech.dataset import (  # noqa: E402
    UNKNOWN_PHONE,
    Example,
    Windows,
    aligned_example,
    collate,
    phone_labels,
    tracked_example,
    voice_activity,
)
from training.speech.phones import PHONE_INDEX, Phone  # noqa: E402
from training.speech.spectra import columns_of  # noqa: E402
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
    labels = np.where(np.arange(300) < 150, PHONE_INDEX["SIL"], PHONE_INDEX["S"]).astype(np.int8)
    columns = columns_of(sound).astype(np.float16)
    example = Example(columns, np.ones(300, np.float32), labels, controls=controls)
    windows = Windows([example], surroundings, look_ahead, hops=256)
    windows._surround = lambda c, *_: c  # type: ignore[method-assign]
    window = windows._window(example, 20, 1.0, np.random.default_rng(0))
    jump = int((window["controls"][:, 0] > 0.5).argmax())
    heard = int((window["columns"].max(axis=1) > -10).argmax())
    assert heard == 130
    assert jump == 130 + look_ahead
    assert int((window["phones"] == PHONE_INDEX["S"]).argmax()) == jump


def test_silent_windows_ask_for_rest(surroundings: Surroundings) -> None:
    windows = Windows([], surroundings, 4)
    batch = collate([next(windows.silence(np.random.default_rng(0))) for _ in range(3)])
    assert batch.columns.shape == (3, 200, 80)
    assert not batch.voice.any()
    assert not batch.controls.any()
    assert batch.aligned.any()
    assert not batch.tracked.any()
    assert set(batch.phones.unique().tolist()) <= {UNKNOWN_PHONE, PHONE_INDEX["SIL"]}


def test_phones_are_labelled_hop_by_hop() -> None:
    labels = phone_labels(PHONES, 320)
    assert (labels[50:150] == PHONE_INDEX["AA"]).all()
    assert (labels[:50] == PHONE_INDEX["SIL"]).all()
    assert (labels[150:] == PHONE_INDEX["SIL"]).all()


def test_words_that_are_not_sure_teach_nothing(surroundings: Surroundings) -> None:
    sure = np.ones(300, bool)
    sure[60:120] = False
    sound = (0.1 * np.random.default_rng(0).standard_normal(48000)).astype(np.float32)
    example = aligned_example(sound, PHONES, Coarticulation(), sure)
    windows = Windows([example], surroundings, look_ahead=0)
    window = windows._window(example, 0, 1.0, np.random.default_rng(0))
    assert not window["aligned"][60:120].any()
    assert window["aligned"][130:].all()
    assert (window["phones"][60:120] == UNKNOWN_PHONE).all()
    assert np.isfinite(window["controls"]).all()


def test_augmented_windows_differ_and_stay_finite(surroundings: Surroundings) -> None:
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal(48000)).astype(np.float32)
    windows = Windows([aligned_example(sound, PHONES, Coarticulation())], surroundings, 4)
    stream = windows.draw(rng)
    batch = collate([next(stream) for _ in range(12)])
    assert torch.isfinite(batch.columns).all()
    assert batch.columns.min() >= -20.8
    assert len({c.numpy().tobytes() for c in batch.columns}) == 12
