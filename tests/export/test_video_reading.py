"""Videos as phones, cameras and accidents make them."""

from __future__ import annotations

import struct
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import BadPhoto
from export import video_reading
from export.video_reading import is_video, read_video
from tests.videos import write


def shades(count: int, width: int = 96, height: int = 64) -> Iterator[NDArray[np.uint8]]:
    """Frame k has the grey level 2 k; its left third is red."""
    for k in range(count):
        image = np.full((height, width, 3), 2 * k, np.uint8)
        image[:, : width // 3] = (200, 0, 0)
        yield image


def levels(frames: list[video_reading.VideoFrame]) -> NDArray[np.float64]:
    """Which frames these were."""
    return np.array([f.image[:, -20:].mean() / 2 for f in frames if f.image is not None])


def rotated(path: Path, quarter: int) -> Path:
    """The same file with the note that a player is to turn it by quarters clockwise."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # ISO 14496-12, 8.3.2: the matrix
    cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarter]
    numbers = (cos, sin, 0, -sin, cos, 0, 0, 0, 1)
    scale = (1 << 16, 1 << 16, 1 << 30) * 3
    data[at : at + 36] = struct.pack(">9i", *(n * s for n, s in zip(numbers, scale, strict=True)))
    path.write_bytes(data)
    return path


def read(*paths: Path, **options: object) -> tuple[list[video_reading.VideoFrame], list[str]]:
    notes: list[str] = []
    return list(read_video(paths, note=notes.append, **options)), notes  # type: ignore[arg-type]


def test_twenty_five_frames_a_second_come_as_they_are(tmp_path: Path) -> None:
    frames, notes = read(write(tmp_path / "a.mp4", shades(50)))
    assert [f.index for f in frames] == list(range(50))
    assert np.allclose([f.seconds for f in frames], np.arange(50) / 25, atol=2e-3)
    assert np.abs(levels(frames) - np.arange(50)).max() < 2
    assert notes == []


@pytest.mark.parametrize(("rate", "kept"), [(50, 2), (100, 4)])
def test_of_a_higher_rate_every_nth_is_taken(tmp_path: Path, rate: int, kept: int) -> None:
    frames, _ = read(write(tmp_path / "a.mp4", shades(100), lambda k: k / rate, rate))
    assert len(frames) == 100 // kept
    assert np.allclose(levels(frames), np.arange(0, 100, kept), atol=1.5)


def test_of_thirty_every_sixth_is_left_out(tmp_path: Path) -> None:
    frames, _ = read(write(tmp_path / "a.mp4", shades(90), lambda k: k / 30, 30))
    assert len(frames) == pytest.approx(75, abs=1)
    assert np.diff([f.seconds for f in frames]).max() < 0.07


def test_a_variable_rate_with_a_pause_keeps_its_times(tmp_path: Path) -> None:
    """A phone slows down in the dark and stops for two seconds."""
    times = np.r_[np.arange(25) / 25, 1 + np.arange(12) / 12, 4 + np.arange(25) / 25]
    frames, _ = read(write(tmp_path / "a.mp4", shades(62), lambda k: float(times[k])))
    assert np.allclose([f.seconds for f in frames], times, atol=2e-3)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_rotation_metadata_is_obeyed(tmp_path: Path, quarter: int) -> None:
    frames, _ = read(rotated(write(tmp_path / "a.mp4", shades(3)), quarter))
    image = frames[0].image
    assert image is not None
    assert image.shape[:2] == ((64, 96) if quarter == 2 else (96, 64))
    red = np.argwhere(image[..., 0].astype(int) - image[..., 1] > 90).mean(0) / image.shape[:2]
    # The left third is at the top after a quarter clockwise, on the right after two.
    assert np.allclose(red, {1: (0.17, 0.5), 2: (0.5, 0.83), 3: (0.83, 0.5)}[quarter], atol=0.05)


def test_ultra_high_definition_is_scaled_down(tmp_path: Path) -> None:
    frames, _ = read(write(tmp_path / "a.mp4", shades(2, 3840, 2160)))
    assert frames[0].image is not None
    assert frames[0].image.shape == (720, 1280, 3)


def test_several_files_follow_each_other(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.mp4", shades(10)), write(tmp_path / "b.mkv", shades(5))
    told: list[float] = []
    frames, _ = read(one, two, progress=told.append)
    assert [f.index for f in frames] == list(range(15))
    assert np.allclose(np.diff([f.seconds for f in frames]), 0.04, atol=2e-3)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_only_wanted_pictures_are_made(tmp_path: Path) -> None:
    frames, _ = read(write(tmp_path / "a.mp4", shades(20)), wanted={3, 17})
    assert [f.index for f in frames if f.image is not None] == [3, 17]


def test_what_is_too_long_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_reading, "LONGEST", 1.0)
    frames, notes = read(write(tmp_path / "a.mp4", shades(40)))
    assert len(frames) == 25
    assert "only its first" in notes[0]


def test_a_file_that_breaks_off_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", shades(100, 192, 128))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames, notes = read(path)
    assert 20 < len(frames) < 90
    assert "breaks off after" in notes[0]


def _sound_only(folder: Path) -> Path:
    with wave.open(str(folder / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    return folder / "a.wav"


def _text(folder: Path) -> Path:
    (folder / "a.mp4").write_text("no video\n" * 99)
    return folder / "a.mp4"


def _empty(folder: Path) -> Path:
    (folder / "a.mp4").write_bytes(b"")
    return folder / "a.mp4"


def _without_its_end(folder: Path) -> Path:
    """The index of an mp4 comes last: without it nothing can be read."""
    path = write(folder / "a.mp4", shades(50))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_sound_only, "sound but no picture"),
        (_text, "can not be read as a video"),
        (_empty, "can not be read as a video"),
        (_without_its_end, "copy it again"),
        (lambda folder: folder, "is a folder"),
        (lambda folder: folder / "none.mp4", "there is no file"),
    ],
)
def test_what_is_no_video_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], says: str
) -> None:
    with pytest.raises(BadPhoto, match=says) as error:
        read(make(tmp_path))
    assert "expected" in str(error.value)


@pytest.mark.parametrize(("name", "video"), [("a.MP4", True), ("b.mov", True), ("c.jpg", False)])
def test_videos_are_known_by_name(name: str, video: bool) -> None:
    assert is_video(Path(name)) is video
