"""The pipeline: a motion every 40 ms, as early as the look-ahead allows, in any chunks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES
from engine.avatar import Avatar
from engine.control import NEUTRAL, Control
from engine.motion import ARKIT_INDEX, Motion, coefficients
from engine.pipeline import Pipeline, PipelineState, TimedMotion
from engine.speech import SpeechModel
from tests import bundles

_MOUTH = [k for name, k in ARKIT_INDEX.items() if name.startswith(("jaw", "mouth"))]


def voice(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """A buzz that opens and closes four times a second: speech enough for a mouth to move."""
    rng, t = np.random.default_rng(seed), np.arange(int(seconds * 16000)) / 16000
    pitch, formant = rng.uniform(100, 200), rng.uniform(550, 850)
    partials = np.arange(1, 30)[:, None]
    weights = np.exp(-(((pitch * partials - formant) / 300) ** 2))
    buzz = (weights * np.sin(2 * np.pi * pitch * partials * t)).sum(0)
    return (0.1 * buzz * (0.5 - 0.5 * np.cos(2 * np.pi * 4 * t))).astype(np.float32)


@pytest.fixture(scope="module")
def pipeline(avatar: Avatar) -> Pipeline:
    return Pipeline(avatar, SpeechModel.load())


def listen(
    pipeline: Pipeline,
    sound: NDArray[np.float32],
    chunk: int,
    seed: int = 0,
    control: Control = NEUTRAL,
) -> tuple[list[TimedMotion], PipelineState]:
    motions, state = [], pipeline.initial_state(seed)
    for k in range(0, len(sound), chunk):
        found, state = pipeline.listen(sound[k : k + chunk], state, control)
        motions += found
    return motions, state


def table(motions: list[TimedMotion]) -> NDArray[np.float32]:
    return np.stack([np.concatenate([m.motion.face, m.motion.head]) for m in motions])


@pytest.mark.parametrize("chunk", [1, 137, 160, 960, 50_000])
def test_chunked_equals_whole(pipeline: Pipeline, chunk: int) -> None:
    sound = voice(0.5 if chunk == 1 else 2)
    whole, _ = listen(pipeline, sound, len(sound))
    motions, _ = listen(pipeline, sound, chunk)
    assert [m.pts for m in motions] == [m.pts for m in whole]
    np.testing.assert_allclose(table(motions), table(whole), atol=1e-5)
    assert table(whole)[:, ARKIT_INDEX["jawOpen"]].max() > 0.05


def test_controlled_chunked_equals_whole(pipeline: Pipeline) -> None:
    sound, control = voice(1), Control(smile=0.7, gaze=(0.5, 0.2), blinks=1, add={"jawOpen": 0.1})
    whole, _ = listen(pipeline, sound, len(sound), control=control)
    motions, _ = listen(pipeline, sound, 137, control=control)
    np.testing.assert_allclose(table(motions), table(whole), atol=1e-5)
    assert table(whole)[-1, ARKIT_INDEX["mouthSmileLeft"]] > 0.2
    again, _ = listen(pipeline, sound, 640)
    np.testing.assert_array_equal(table(again), table(listen(pipeline, sound, 640)[0]))


def test_control_acts_from_the_next_motion_on_and_on_its_own_stream(pipeline: Pipeline) -> None:
    sound, control = voice(1), Control(brow=1, smile=-1)
    expected = table(listen(pipeline, sound, 640)[0])
    state, other, rows, others = pipeline.initial_state(), pipeline.initial_state(), [], []
    before = 0
    for k in range(0, len(sound), 640):
        wanted = control if k >= 8000 else NEUTRAL
        found, state = pipeline.listen(sound[k : k + 640], state, wanted)
        rows += found
        before = len(rows) if wanted is NEUTRAL else before
        found, other = pipeline.listen(sound[k : k + 640], other)
        others += found
    np.testing.assert_array_equal(table(others), expected)
    changed = np.flatnonzero((table(rows) != expected).any(1))
    assert changed.tolist() == list(range(before, len(rows)))


def test_one_motion_every_frame_from_nought_on(pipeline: Pipeline) -> None:
    motions, state = listen(pipeline, voice(2.01), 480)
    motions += pipeline.finish(state)
    assert [m.pts for m in motions] == [n * FRAME_SAMPLES for n in range(51)]


def test_a_motion_comes_as_soon_as_its_look_ahead_is_heard(pipeline: Pipeline) -> None:
    sound, state = voice(1), pipeline.initial_state()
    for heard in range(80, len(sound) + 1, 80):
        motions, state = pipeline.listen(sound[heard - 80 : heard], state)
        for motion in motions:
            late = heard - (motion.pts + pipeline.look_ahead_samples)
            assert 0 <= late < 80
    assert pipeline.look_ahead_samples <= 8 * 160 + 160


def test_causal_up_to_the_look_ahead(pipeline: Pipeline) -> None:
    sound, changed, at = voice(2), voice(2), 16000
    changed[at:] = voice(2, seed=1)[at:]
    a, b = (table(listen(pipeline, s, 640)[0]) for s in (sound, changed))
    before = (at - pipeline.look_ahead_samples) // FRAME_SAMPLES + 1
    np.testing.assert_array_equal(a[:before], b[:before])
    assert not np.array_equal(a[before:], b[before:])


def test_a_new_stream_knows_nothing_of_the_last(pipeline: Pipeline) -> None:
    first = table(listen(pipeline, voice(1), 640)[0])
    listen(pipeline, voice(1, seed=2), 640)
    np.testing.assert_array_equal(table(listen(pipeline, voice(1), 640)[0]), first)


def test_two_interleaved_streams_are_two_separate_ones(pipeline: Pipeline) -> None:
    sounds = [voice(1, seed=0), voice(1, seed=1)]
    states = [pipeline.initial_state(seed) for seed in (0, 1)]
    motions: list[list[TimedMotion]] = [[], []]
    for k in range(0, 16000, 400):
        for i in (0, 1):
            found, states[i] = pipeline.listen(sounds[i][k : k + 400], states[i])
            motions[i] += found
    for i in (0, 1):
        alone = listen(pipeline, sounds[i], 400, seed=i)[0]
        np.testing.assert_array_equal(table(motions[i]), table(alone))


def test_an_old_state_can_be_taken_up_again(pipeline: Pipeline) -> None:
    _, state = listen(pipeline, voice(1), 640)
    once, _ = pipeline.listen(voice(0.5, seed=3), state)
    again, _ = pipeline.listen(voice(0.5, seed=3), state)
    np.testing.assert_array_equal(table(once), table(again))


def test_the_mouth_rests_in_silence_while_the_face_lives(pipeline: Pipeline) -> None:
    faces = table(listen(pipeline, np.zeros(10 * 16000, np.float32), 6400)[0])
    assert faces[:, _MOUTH].max() < 0.02
    assert faces[:, ARKIT_INDEX["eyeBlinkLeft"]].max() > 0.5
    assert faces[:, 52:].std() > 0


def test_liveliness_can_be_turned_off_and_seeded(avatar: Avatar) -> None:
    silence = np.zeros(10 * 16000, np.float32)
    still = Pipeline(avatar, SpeechModel.load(), liveliness=0)
    assert np.abs(table(listen(still, silence, 16000)[0])).max() < 0.02
    living = Pipeline(avatar, SpeechModel.load())
    a, b = (table(listen(living, silence, 16000, seed)[0]) for seed in (0, 1))
    assert not np.allclose(a, b)


def test_finish_gives_what_is_owed_and_no_more(pipeline: Pipeline) -> None:
    assert pipeline.finish(pipeline.initial_state()) == []
    motions, state = listen(pipeline, voice(0.1), 1600)
    owed = pipeline.finish(state)
    assert [m.pts for m in motions + owed] == [0, 640, 1280]
    np.testing.assert_array_equal(table(owed), table(pipeline.finish(state)))


def test_step_is_listen_and_draw(pipeline: Pipeline) -> None:
    sound = voice(0.5)
    frames, state = pipeline.step(sound, pipeline.initial_state())
    motions, same = pipeline.listen(sound, pipeline.initial_state())
    assert [f.pts for f in frames] == [m.pts for m in motions]
    for frame, motion in zip(frames, motions, strict=True):
        np.testing.assert_array_equal(frame.image, pipeline.draw(motion.motion))
    assert state.heard == same.heard == len(sound)


def test_draws_the_photo_at_rest_and_a_mouth_when_it_opens(pipeline: Pipeline) -> None:
    np.testing.assert_array_equal(pipeline.draw(Motion()), bundles.photo())
    x, y = bundles.MOUTH
    spoken = pipeline.draw(Motion(coefficients(jawOpen=1)))
    np.testing.assert_allclose(spoken[y, x], [127, 0, 0], atol=12)


def test_draws_in_several_threads(pipeline: Pipeline) -> None:
    motions = [Motion(coefficients(jawOpen=k / 16)) for k in range(16)]
    alone = [pipeline.draw(m) for m in motions]
    with ThreadPoolExecutor(4) as pool:
        for frame, expected in zip(pool.map(pipeline.draw, motions), alone, strict=True):
            np.testing.assert_array_equal(frame, expected)
