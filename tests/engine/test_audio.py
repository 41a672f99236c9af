"""Any sound in, 16 kHz mono out; what can not be used is refused with a message."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE, Resampler, decode
from engine.errors import BadAudio


def tone(rate: int, seconds: float = 0.5, hz: float = 440.0) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def write_wav(path: Path, samples: NDArray[np.float32], rate: int, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.repeat(samples, channels) * 32767).astype("<i2").tobytes())
    return path


def encode(path: Path, samples: NDArray[np.float32], rate: int, codec: str) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        for start in range(0, len(samples), 1024):
            part = np.ascontiguousarray(samples[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_a_frame_is_a_whole_number_of_hops() -> None:
    assert SAMPLE_RATE == 25 * FRAME_SAMPLES
    assert FRAME_SAMPLES == 4 * HOP_SAMPLES


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000])
def test_resampled_tone_is_the_tone_at_16_khz_and_not_shifted(rate: int) -> None:
    resampler = Resampler(rate)
    out = np.concatenate([resampler.push(tone(rate)), resampler.flush()])
    assert abs(len(out) - 8000) <= 2
    middle = slice(400, 7600)
    assert np.abs(out[middle] - tone(16000)[middle]).max() < 0.01


@pytest.mark.parametrize("chunk", [1, 7, 480, 960, 5000])
def test_chunked_equals_whole(chunk: int) -> None:
    sound = tone(48000, 0.2 if chunk < 10 else 0.5)
    whole, pieces = Resampler(48000), Resampler(48000)
    expected = np.concatenate([whole.push(sound), whole.flush()])
    parts = [pieces.push(sound[i : i + chunk]) for i in range(0, len(sound), chunk)]
    np.testing.assert_allclose(np.concatenate([*parts, pieces.flush()]), expected, atol=1e-6)


def test_two_resamplers_do_not_disturb_each_other() -> None:
    a, b, alone = Resampler(48000), Resampler(48000), Resampler(48000)
    mixed = []
    for i in range(0, 9600, 960):
        mixed.append(a.push(tone(48000)[i : i + 960]))
        b.push(tone(48000, hz=1000.0)[i : i + 960])
    np.testing.assert_array_equal(np.concatenate(mixed), alone.push(tone(48000)[:9600]))


def test_int16_and_channels_become_mono_float() -> None:
    left = (tone(16000) * 32767).astype(np.int16)
    stereo = np.stack([left, np.zeros_like(left)], axis=1)
    out = Resampler(16000).push(stereo)
    np.testing.assert_allclose(out, tone(16000)[: len(out)] / 2, atol=1e-3)


def test_clipped_float_stays_in_range() -> None:
    assert np.abs(Resampler(16000).push(tone(16000) * 10)).max() <= 1.0


def test_empty_chunk_gives_nothing() -> None:
    assert Resampler(48000).push(np.zeros(0, np.float32)).shape == (0,)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_and_the_stream_lives_on(bad: float) -> None:
    resampler, sound = Resampler(16000), tone(16000)
    poisoned = sound.copy()
    poisoned[100] = bad
    with pytest.raises(BadAudio, match="1 of 8000 samples"):
        resampler.push(poisoned)
    out = resampler.push(sound)
    np.testing.assert_allclose(out, sound[: len(out)], atol=1e-6)


@pytest.mark.parametrize("samples", [np.zeros(10), np.zeros((2, 2, 2), np.float32)])
def test_another_type_or_shape_is_refused(samples: NDArray[np.float32]) -> None:
    with pytest.raises(BadAudio, match="expected float32 or int16"):
        Resampler(16000).push(samples)


@pytest.mark.parametrize("rate", [0, -1, 1000, 1_000_000])
def test_an_impossible_rate_is_refused(rate: int) -> None:
    with pytest.raises(BadAudio, match=f"{rate} Hz"):
        Resampler(rate)


@pytest.mark.parametrize("rate", [8000, 16000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_decode_wav(tmp_path: Path, rate: int, channels: int) -> None:
    out = np.concatenate(list(decode(write_wav(tmp_path / "a.wav", tone(rate), rate, channels))))
    assert abs(len(out) - 8000) <= 2
    assert np.abs(out[400:7600] - tone(16000)[400:7600]).max() < 0.01


@pytest.mark.parametrize(("suffix", "codec"), [("ogg", "libopus"), ("m4a", "aac"), ("mp3", "mp3")])
def test_decode_compressed(tmp_path: Path, suffix: str, codec: str) -> None:
    path = encode(tmp_path / f"a.{suffix}", tone(48000, 1.0), 48000, codec)
    out = np.concatenate(list(decode(path)))
    assert 15000 <= len(out) <= 18500
    assert 0.3 < np.sqrt((out[4000:12000] ** 2).mean()) < 0.4


def test_decode_is_lazy(tmp_path: Path) -> None:
    chunks = decode(write_wav(tmp_path / "a.wav", tone(16000, 60.0), 16000))
    assert len(next(chunks)) < 16000


def test_decode_refuses_what_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    with pytest.raises(BadAudio, match="can not be read as sound"):
        list(decode(tmp_path / "text.wav"))
    with pytest.raises(BadAudio, match="can not be read as sound"):
        list(decode(tmp_path / "empty.wav"))
    with pytest.raises(BadAudio, match="can not be read as sound"):
        list(decode(tmp_path / "missing.wav"))
    with pytest.raises(BadAudio, match="holds no sound"):
        list(decode(write_wav(tmp_path / "none.wav", np.zeros(0, np.float32), 16000)))


def test_decode_refuses_a_picture(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("mjpeg", rate=25, options={"strict": "unofficial"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with pytest.raises(BadAudio, match="no sound track"):
        list(decode(tmp_path / "a.mkv"))
