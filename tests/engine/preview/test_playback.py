"""The voice leaves with the picture, on cards that are fast, slow, coarse or stalled."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.live.timeline import RATE
from engine.preview.playback import MOST_TRIM, Playback
from tests.engine.preview.world import MS, Listener, Stage, World


def tone(hz: float) -> NDArray[np.int16]:
    return (20_000 * np.sin(2 * np.pi * hz * np.arange(4 * RATE) / RATE)).astype(np.int16)


def of(sound: NDArray[np.int16]):  # type: ignore[no-untyped-def]
    def voice(start: int, count: int) -> NDArray[np.int16]:
        at = np.arange(start, start + count)
        return np.where((at >= 0) & (at < len(sound)), sound[at % len(sound)], 0).astype(np.int16)

    return voice


def played(playback: Playback, blocks: int, block: int, step: float) -> NDArray[np.float32]:
    out, state = [], None
    for k in range(blocks):
        samples, state = playback.read(block, 1000 + k * block * step, state)
        out.append(samples)
    return np.concatenate(out)


def test_at_the_same_rate_it_is_the_sound_itself() -> None:
    sound = tone(440)
    got = played(Playback(of(sound), RATE), 50, 480, 1.0)
    np.testing.assert_allclose(got, sound[1000 : 1000 + len(got)] / 32768, atol=1e-3)


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_at_another_rate_it_is_the_same_tone(rate: int) -> None:
    got = played(Playback(of(tone(1000)), rate), 100, rate // 100, RATE / rate)
    times = 1000 / RATE + np.arange(len(got)) / rate
    np.testing.assert_allclose(got, 20_000 / 32768 * np.sin(2 * np.pi * 1000 * times), atol=5e-3)


def test_what_a_slow_card_can_not_play_is_not_folded_back() -> None:
    got = played(Playback(of(tone(11_000)), 16_000), 100, 160, 3.0)
    assert np.abs(got).max() < 0.01


def test_between_samples_it_stays_clean() -> None:
    """A voice bent by the most that is allowed: over 70 dB between the tone and everything else."""
    playback = Playback(of(tone(1000)), RATE)
    got = playback._between(1000.37, 1 + MOST_TRIM, RATE)
    phase = 2 * np.pi * 1000 * (1000.37 + (1 + MOST_TRIM) * np.arange(RATE)) / RATE
    basis = np.stack([np.sin(phase), np.cos(phase)])
    rest = got - np.linalg.lstsq(basis.T, got, rcond=None)[0] @ basis
    assert 20 * np.log10(np.std(rest) / np.std(got)) < -60


@pytest.mark.parametrize("ppm", [-150, 150])
@pytest.mark.parametrize("burst_ms", [0.0, 30.0])
def test_on_a_card_whose_clock_drifts_the_voice_leaves_when_it_should(
    ppm: float, burst_ms: float
) -> None:
    """burst_ms: by so much three of four requests come late, together with the fourth."""
    world = World()
    it = Stage(world, Listener(world), output_ms=40)
    noise = np.random.default_rng(1).integers(-20_000, 20_000, (100, 480)).astype(np.int16)
    it.microphone(lambda k: noise[k % 100])
    it.output(ppm=ppm, latency_ms=40, jitter_ms=lambda k: (3 - k % 4) * burst_ms / 3)
    skews_ms = []
    for _ in range(30):
        world.advance(1000 * MS)
        instant, samples = it.heard[-60]
        wanted = it.schedule.leaving(instant)
        known = it.capture.voice(round(wanted) - 1920, 480 + 3840).astype(np.float64)
        lag = np.argmax(np.correlate(known, samples.astype(np.float64), "valid")) - 1920
        skews_ms.append(-lag / 48)
    asked_late_ms = burst_ms / 2  # on the mean: that is how long the card plays later than it says
    assert np.abs(np.array(skews_ms[12:]) + asked_late_ms).max() < 2.0
    assert it.playback_state is not None
    assert it.playback_state.jumps <= (burst_ms > 0), "once, when the mean is known"


def test_a_stall_is_jumped_over_once_and_faded() -> None:
    playback = Playback(of(tone(440)), RATE)
    first, state = playback.read(480, 1000, None)
    second, state = playback.read(480, 1480 + 9600, state)  # 200 ms were not asked for
    assert state.jumps == 1
    assert state.position == 1480 + 9600 + 480
    joined = np.concatenate([first, second])
    assert np.abs(np.diff(joined)).max() < 0.06, "a click"


def test_a_card_that_begins_with_a_lie_is_put_right_after_a_second() -> None:
    """It fills its buffer at once, and only then tells when it will play."""
    playback, state = Playback(of(tone(440)), RATE), None
    offs, joined = [], []
    for k in range(200):
        lie = -30 * 48 if k < 5 else 0
        samples, state = playback.read(480, 20_000 + k * 480 + lie, state)
        offs.append(20_000 + (k + 1) * 480 - state.position)
        joined.append(samples)
    assert state is not None
    assert state.jumps == 1
    assert abs(offs[90]) > 1000
    assert abs(offs[101]) < 96
    assert np.abs(np.diff(np.concatenate(joined))).max() < 0.07, "a click"


def test_silence_where_nothing_is_known() -> None:
    samples, _ = Playback(of(tone(440)), RATE).read(480, -48_000, None)
    assert not samples.any()
