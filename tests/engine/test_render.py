"""Rendering: every kind of sound file becomes a video of the same length, or nothing at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from engine import render as render_module
from engine.audio import FRAME_SAMPLES
from engine.avatar import Avatar
from engine.errors import BadAudio, BadInput
from engine.pipeline import Pipeline
from engine.render import render, sound_seconds
from engine.speech import SpeechModel
from tests import bundles
from tests.sounds import encoded, speech


@pytest.fixture(scope="module")
def pipeline(avatar: Avatar) -> Pipeline:
    return Pipeline(avatar, SpeechModel.load(), liveliness=0)


@dataclass(frozen=True)
class Video:
    """pictures: ``[n, H, W, 3]``. seconds: of the sound track."""

    pictures: NDArray[np.uint8]
    rate: float
    seconds: float
    loudness: float


def watch(path: Path) -> Video:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
        rate = float(stream.average_rate)
    with av.open(str(path)) as container:
        sound = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], 1)
    return Video(np.stack(pictures), rate, sound.shape[1] / 48000, float(np.abs(sound).mean()))


FILES = {
    "8 kHz": ("wav", "pcm_s16le", 8000, 1),
    "96 kHz": ("wav", "pcm_s16le", 96000, 1),
    "stereo": ("wav", "pcm_s16le", 44100, 2),
    "24 bit": ("wav", "pcm_s24le", 48000, 1),
    "float": ("wav", "pcm_f32le", 16000, 1),
    "mp3": ("mp3", "libmp3lame", 44100, 2),
    "ogg": ("ogg", "libopus", 48000, 2),
    "m4a": ("m4a", "aac", 44100, 1),
    "flac": ("flac", "flac", 48000, 1),
}


@pytest.mark.parametrize(("kind", "codec", "rate", "channels"), FILES.values(), ids=list(FILES))
def test_every_kind_of_sound_becomes_a_video(
    pipeline: Pipeline, tmp_path: Path, kind: str, codec: str, rate: int, channels: int
) -> None:
    sound = encoded(tmp_path / f"in.{kind}", speech(1.0, rate, channels), rate, codec)
    out = tmp_path / "out.mp4"
    frames = render(pipeline, sound, out)
    video = watch(out)
    assert len(video.pictures) == frames
    assert video.rate == 25
    assert 1.0 <= frames / 25 <= 1.16, "encoders pad a sound, by no more than a few milliseconds"
    assert abs(video.seconds - frames / 25) < 0.06
    assert video.loudness > 0.01
    x, y = bundles.MOUTH
    mouth = video.pictures[:, y, x].astype(int)
    redness = mouth[:, 0] - mouth[:, 2]
    assert np.ptp(redness) > 4, "the mouth moves"
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"in.{kind}", "out.mp4"]


def test_one_frame_for_every_40_ms_begun(pipeline: Pipeline, tmp_path: Path) -> None:
    for samples in (1, 640, 641, 16000):
        sound = np.zeros((samples, 1), np.float32)
        path = encoded(tmp_path / "in.wav", sound, 16000, "pcm_f32le")
        assert render(pipeline, path, tmp_path / "out.mp4") == math.ceil(samples / FRAME_SAMPLES)


def test_a_long_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    minutes = np.zeros((16000 * 60, 1), np.float32)
    path = encoded(tmp_path / "long.wav", minutes, 16000, "pcm_s16le")
    sizes = [len(c) for c in islice(render_module._chunks(path), 5)]
    assert max(sizes) <= 10 * FRAME_SAMPLES


def test_tells_how_far_it_is(pipeline: Pipeline, tmp_path: Path) -> None:
    path = encoded(tmp_path / "in.wav", speech(0.5, 16000), 16000, "pcm_s16le")
    told: list[float] = []
    render(pipeline, path, tmp_path / "out.mp4", progress=told.append)
    np.testing.assert_allclose(told, np.arange(1, 14) / 25)
    assert sound_seconds(path) == pytest.approx(0.5, abs=0.01)


def test_the_same_seed_is_the_same_video(avatar: Avatar, tmp_path: Path) -> None:
    living = Pipeline(avatar, SpeechModel.load())
    path = encoded(tmp_path / "in.wav", speech(0.5, 16000), 16000, "pcm_s16le")
    videos = []
    for n, seed in enumerate((1, 1, 2)):
        render(living, path, tmp_path / f"{n}.mp4", seed=seed)
        videos.append(watch(tmp_path / f"{n}.mp4").pictures)
    np.testing.assert_array_equal(videos[0], videos[1])
    assert not np.array_equal(videos[0], videos[2])


def _broken(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.wav"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("no sound at all")
    elif kind == "no samples":
        encoded(path, np.zeros((0, 1), np.float32), 16000, "pcm_s16le")
    elif kind == "silent film":
        path = folder / "film.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width = stream.height = 64
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
    elif kind == "NaN":
        sound = speech(2.0, 16000)
        sound[24000] = np.nan
        encoded(path, sound, 16000, "pcm_f32le")
    return path


@pytest.mark.parametrize("kind", ["lost", "empty", "text", "no samples", "silent film", "NaN"])
def test_a_bad_file_leaves_nothing_behind(pipeline: Pipeline, tmp_path: Path, kind: str) -> None:
    path = _broken(tmp_path, kind)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadAudio, match="expected"):
        render(pipeline, path, tmp_path / "out.mp4")
    assert sorted(tmp_path.iterdir()) == before


def test_a_failure_keeps_the_video_that_was_there(pipeline: Pipeline, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"an older video")
    with pytest.raises(BadAudio):
        render(pipeline, _broken(tmp_path, "NaN"), out)
    assert out.read_bytes() == b"an older video"


def test_finds_out_before_the_work_that_it_can_not_write(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    path = encoded(tmp_path / "in.wav", speech(0.5, 16000), 16000, "pcm_s16le")
    told: list[float] = []
    for out in (tmp_path, path / "out.mp4"):
        with pytest.raises(BadInput, match="expected"):
            render(pipeline, path, out, progress=told.append)
    assert told == []


def test_a_length_that_nobody_knows_is_none(tmp_path: Path) -> None:
    assert sound_seconds(tmp_path / "lost.wav") is None
