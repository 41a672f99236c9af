"""Utterances survive the disk, and the split keeps speakers apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pocketsphinx")

from training.speech.corpus import (
    Utterance,
    held_out,
    load_utterances,
    prepare_recognised,
    prepare_recorded,
    untexted,
)
from training.speech.phones import SILENCE, Phone


def utterance(key: str, speaker: str) -> Utterance:
    phones = (Phone("SIL", 0.0, 0.25), Phone("AA", 0.25, 0.5))
    return Utterance(key, speaker, np.arange(8000, dtype=np.int16), phones)


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a" / "u1.npz"
    utterance("u1", "someone").save(path)
    back = Utterance.load(path)
    assert back.key == "u1"
    assert back.speaker == "someone"
    assert back.phones == utterance("u1", "someone").phones
    np.testing.assert_array_equal(back.samples, np.arange(8000))
    assert back.sound.max() < 1
    assert [p.name for p in path.parent.iterdir()] == ["u1.npz"]


def test_the_split_is_by_speaker_and_complete(tmp_path: Path) -> None:
    names = [f"speaker-{n}" for n in range(60)]
    for n, name in enumerate(names):
        utterance(f"{n:02d}", name).save(tmp_path / "a" / f"{n:02d}.npz")
    train = {u.speaker for u in load_utterances(tmp_path, for_training=True)}
    test = {u.speaker for u in load_utterances(tmp_path, for_training=False)}
    assert train | test == set(names)
    assert not train & test
    assert 1 <= len(test) <= 15
    assert all(held_out(name) for name in test)


@pytest.mark.data
def test_recordings_without_text_and_alignment(data: Path, tmp_path: Path) -> None:
    voices = list(untexted(data, 3, seconds=1.0))
    assert len(voices) == 3
    assert all(len(v) >= 16000 for v in voices)
    index = (data / "speech" / "index.csv").read_text().splitlines()
    small = tmp_path / "data" / "speech"
    small.mkdir(parents=True)
    (small / "index.csv").write_text("\n".join(index[:3]) + "\n")
    for line in index[1:3]:
        name = line.split(",")[0]
        (small / name).parent.mkdir(parents=True, exist_ok=True)
        (small / name).symlink_to((data / "speech" / name).resolve())
    prepare_recorded(tmp_path / "data", tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("*/*.npz"))) == 2


@pytest.mark.data
def test_a_recording_without_text_is_recognised(data: Path, tmp_path: Path) -> None:
    lines = (data / "speech" / "index.csv").read_text().splitlines()
    line = next(x for x in lines if ",librispeech," in x)
    name = line.split(",")[0]
    small = tmp_path / "data" / "speech"
    (small / name).parent.mkdir(parents=True)
    (small / name).symlink_to((data / "speech" / name).resolve())
    (small / "index.csv").write_text(f"{lines[0]}\n{line}\n")
    prepare_recognised(tmp_path / "data", tmp_path / "cache", count=1, seconds=4.0)
    (found,) = (tmp_path / "cache").glob("librispeech/*.npz")
    utterance = Utterance.load(found)
    assert 3.5 * 16000 < len(utterance.samples) <= 4 * 16000
    assert sum(p.name != SILENCE for p in utterance.phones) > 15
