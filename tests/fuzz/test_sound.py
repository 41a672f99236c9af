"""Sound that no microphone sends: time stamps that jump, packets of any length, any samples."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.audio import Resampler, decode
from engine.errors import BadAudio
from engine.live import timeline
from engine.live.timeline import RATE, Need
from engine.live.voice import VoiceMemory
from server.session import mono

MS = RATE // 1000
NEED = Need(first=50 * MS, period=1920, margin=22 * MS)
LENGTHS = st.sampled_from([1, 119, 120, 240, 480, 960, 1920, 2880])
JUMPS = st.sampled_from(
    [0, 0, 0, 0, 0, 1, -1, 480, -480, 960, 48_000, -48_000, 1 << 31, -(1 << 33)]
)


@given(
    packets=st.lists(
        st.tuples(
            LENGTHS,
            JUMPS,
            st.integers(0, 200) | st.sampled_from([1000, 60_000]),  # ms until it comes
            st.sampled_from([0, 50, 3000, 32767]),
            st.integers(-40, 40),  # by how many ms the margin is changed
        ),
        min_size=1,
        max_size=40,
    )
)
def test_the_timeline_holds_its_promises(
    packets: list[tuple[int, int, int, int, int]], tried: Counter[str]
) -> None:
    """Every sample has one place, in order, and nothing grows without bound."""
    state, need = timeline.begin(NEED), NEED
    now = stamp = appended = frame = 0
    for length, jump, later_ms, level, margin_ms in packets:
        tried["tried"] += 1
        now += later_ms * MS
        stamp += jump
        need = Need(need.first, need.period, NEED.margin + margin_ms * MS)
        while need.first + frame * need.period + state.margin <= now:
            until = need.first + frame * need.period
            silence, state = timeline.conceal(until, need, state)
            appended += len(silence)
            frame += 1
        samples = np.full(length, level, np.int16)
        placed, state = timeline.place(samples, stamp, now, need, state)
        stamp += length
        appended += len(placed)
        assert placed.dtype == np.int16
        assert len(placed) <= length * 2 + timeline.MOST_GAP + timeline.MOST_WAIT
        assert state.end == appended
        assert len(state.slack) <= timeline.WINDOW // 1 + 1
        assert min(vars(state.counts).values()) >= 0
        tried["taken"] += 1


@given(
    samples=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int16, np.int32, np.uint8]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=700),
        fill=st.nothing() | st.just(0),
    )
    | hnp.arrays(
        np.float32, st.integers(0, 2000), elements=st.floats(width=32, allow_nan=True)
    ),
    rate=st.sampled_from([8000, 11025, 16000, 44100, 48000, 96000]),
)  # fmt: skip
def test_the_resampler_takes_samples_or_says_why_not(
    samples: Any, rate: int, tried: Counter[str]
) -> None:
    tried["tried"] += 1
    resampler = Resampler(rate)
    try:
        out = np.concatenate([resampler.push(samples), resampler.flush()])
    except BadAudio:
        out = Resampler(rate).push(np.zeros(rate, np.float32))
        assert len(out) > 15_000, "the next chunk is taken as ever"
        return
    tried["taken"] += 1
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert len(out) <= len(samples) * 16000 / rate + 64


@pytest.mark.parametrize("rate", [3999, 0, -1, 400_000])
def test_rates_that_are_none(rate: int, tried: Counter[str]) -> None:
    tried["tried"] += 1
    with pytest.raises(BadAudio):
        Resampler(rate)


@given(
    reads=st.lists(st.tuples(st.integers(-5000, 200_000), st.integers(0, 5000)), max_size=20),
    writes=st.lists(st.integers(0, 9000), max_size=20),
)
def test_the_voice_memory_gives_what_was_said_or_silence(
    reads: list[tuple[int, int]], writes: list[int], tried: Counter[str]
) -> None:
    tried["tried"] += 1
    memory, said = VoiceMemory(capacity=4096), np.zeros(0, np.int16)
    for count in writes:
        more = ((np.arange(count) + len(said)) % 30_000 + 1).astype(np.int16)
        memory.append(more)
        said = np.concatenate([said, more])
    for start, count in reads:
        got = memory.read(start, count)
        at = np.arange(start, start + count)
        known = (at >= max(0, len(said) - 4096)) & (at < len(said))
        assert np.array_equal(got, np.where(known, at % 30_000 + 1, 0))


@given(
    channels=st.sampled_from(["mono", "stereo", "5.1"]),
    count=st.integers(1, 3000),
    seed=st.integers(0, 99),
)
def test_decoded_frames_of_any_shape(
    channels: str, count: int, seed: int, tried: Counter[str]
) -> None:
    tried["tried"] += 1
    many = {"mono": 1, "stereo": 2, "5.1": 6}[channels]
    samples = np.random.default_rng(seed).integers(-32768, 32768, (1, count * many), np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=channels)
    frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
    got = mono(frame)
    assert got.shape == (count,)
    assert got.dtype == np.int16


@given(
    data=st.binary(max_size=3000), head=st.sampled_from([b"", b"RIFF", b"OggS", b"ID3", b"fLaC"])
)
def test_files_that_are_no_sound(
    data: bytes, head: bytes, tmp_path_factory: pytest.TempPathFactory, tried: Counter[str]
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "sound.bin"
    path.write_bytes(head + data)
    tried["tried"] += 1
    said = "expected"
    try:
        for chunk in decode(path):
            assert np.isfinite(chunk).all()
        tried["taken"] += 1
    except BadAudio as error:
        said = str(error)
    assert "expected" in said
