"""A file in place of a microphone: the same sound, at the pace of a clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.clock import MonotonicClock
from engine.errors import BadAudio
from engine.preview.source import BLOCK, FileSource, blocks
from tests.engine.preview.world import MS, World
from tests.sounds import encoded, speech


def test_blocks_are_the_sound_whatever_its_chunks() -> None:
    sound = np.linspace(-1, 1, 5 * BLOCK + 100).astype(np.float32)
    got = list(blocks(iter(np.split(sound, [1, 700, 701, 2000]))))
    assert [len(b) for b in got] == [BLOCK] * 6
    joined = np.concatenate(got)
    np.testing.assert_allclose(joined[: len(sound)] / 32767, sound, atol=1 / 32767)
    assert not joined[len(sound) :].any()
    assert list(blocks(iter(()))) == []


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return encoded(tmp_path / "in.wav", speech(0.5, 48_000), 48_000, "pcm_s16le")


def test_it_plays_at_the_pace_of_the_clock_and_ends(wav: Path) -> None:
    world = World()
    heard: list[tuple[int, NDArray[np.int16]]] = []

    def wait(seconds: float) -> bool:
        world.advance(seconds * 1000 * MS)
        return False

    source = FileSource(wav, world, lambda b: heard.append((world.now, b)), wait)
    begun = world.now
    source.run()
    assert [t - begun for t, _ in heard] == [(k + 1) * 10 * MS for k in range(50)]
    whole = np.concatenate([b for _, b in heard]) / 32768
    np.testing.assert_allclose(whole, speech(0.5, 48_000)[:, 0], atol=1e-3)
    assert source.ended
    assert not source.active


def test_closing_it_stops_it_at_once(wav: Path) -> None:
    heard: list[int] = []
    source = FileSource(wav, MonotonicClock(), lambda b: heard.append(len(b)))
    source.start()
    source.close()
    told = len(heard)
    assert told < 50
    assert not source.ended
    assert not source.active
    assert len(heard) == told


def test_a_file_without_sound_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="expected"):
        FileSource(tmp_path / "none.wav", MonotonicClock(), lambda b: None)
