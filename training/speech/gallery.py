"""``python -m training.speech.gallery``: voices that nobody has tracked, to be looked at.

Five languages of espeak-ng, a singing voice and a child-like one: the curves of the lips as one
picture, and each sound as a wav file for ``engine render``.
"""

from __future__ import annotations

import argparse
import logging
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.audio import SAMPLE_RATE
from engine.speech import SPEECH_MODEL_PATH, SpeechModel
from training.speech.measure import speak
from training.speech.pictures import draw_voices
from training.speech.synthesis import Espeak

__all__ = ["child", "gallery", "main", "singing"]

log = logging.getLogger("training.speech.gallery")

Sound = NDArray[np.float32]
_LANGUAGES = {
    "German": ("gmw/de", "Am Abend fuhr Mama mit dem Boot über den blauen See."),
    "Spanish": ("roa/es", "Mi papá pone el pan y la fruta sobre la mesa blanca."),
    "French": ("roa/fr", "Mon petit bateau part demain vers une île sous la lune."),
    "Mandarin": ("sit/cmn", "爸爸和妈妈明天早上坐飞机去北京。"),
    "Russian": ("zle/ru", "Мама мыла раму, а папа пил воду у окна."),
}  # fmt: skip
_ENGLISH = "gmw/en-US"
_SONG = ("row", "row", "row", "your", "boat", "gently", "down", "the", "stream")
_SEMITONES = (0, 0, 0, 2, 4, 4, 2, 4, 7)
_NOTE_SECONDS = 0.45


def gallery() -> dict[str, Sound]:
    """Each voice by its name, ``[n]`` at 16 kHz."""
    espeak = Espeak()
    out = {name: espeak.say(text, voice, 150) for name, (voice, text) in _LANGUAGES.items()}
    out["singing"] = singing(espeak)
    out["child-like"] = child(espeak)
    return out


def singing(espeak: Espeak) -> Sound:
    """A tune, one word a note, of level pitch; vowels drawn out by overlap-add."""
    notes = []
    for word, semitone in zip(_SONG, _SEMITONES, strict=True):
        spoken = espeak.say(word, _ENGLISH, 120, spread=0)
        notes.append(_stretched(_resampled(_trimmed(spoken), 2 ** (semitone / 12)), _NOTE_SECONDS))
    return np.concatenate(notes)


def child(espeak: Espeak) -> Sound:
    """A small throat: pitch and formants a third higher, at an unhurried pace."""
    text = "My mummy bought me a big puppy and we played in the park."
    spoken = espeak.say(text, _ENGLISH + "+f3", 115, pitch=80, spread=80)
    return _resampled(spoken, 1.32)


def _trimmed(sound: Sound) -> Sound:
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    return sound[loud[0] : loud[-1] + 1]


def _resampled(sound: Sound, factor: float) -> Sound:
    """Played ``factor`` times as fast."""
    at = np.arange(0, len(sound) - 1, factor)
    return np.interp(at, np.arange(len(sound)), sound).astype(np.float32)


def _stretched(sound: Sound, seconds: float) -> Sound:
    """For ``seconds``, pitch kept: waveform-similarity overlap-add (Verhelst & Roelands 1993)."""
    size, n = 640, int(seconds * SAMPLE_RATE)
    hop, reach = size // 2, 200
    window = np.hanning(size + 1)[:size].astype(np.float32)
    padded = np.pad(sound, (reach, size + 2 * reach))
    out = np.zeros(n + size, np.float32)
    wanted = padded[reach : reach + size]
    for start in range(0, n, hop):
        centre = reach + int(start * max(0, len(sound) - size) / n)
        piece = padded[centre - reach : centre + reach + size]
        likeness = np.correlate(piece, wanted, "valid")
        at = centre - reach + int(likeness.argmax())
        out[start : start + size] += window * padded[at : at + size]
        wanted = padded[at + hop : at + hop + size]
        wanted = np.pad(wanted, (0, size - len(wanted)))
    return out[:n]


def main() -> None:
    """Write the sounds and the picture."""
    parser = argparse.ArgumentParser(prog="python -m training.speech.gallery", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/speech/gallery"))
    parser.add_argument("--model", type=Path, default=SPEECH_MODEL_PATH)
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/speech_voices.png"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model, sounds = SpeechModel.load(options.model), gallery()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, sound in sounds.items():
        with wave.open(str(options.out / f"{name}.wav"), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(SAMPLE_RATE)
            out.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    draw_voices(sounds, lambda sound: speak(model, sound), options.picture)
    log.info("wrote %s and %d sounds in %s", options.picture, len(sounds), options.out)


if __name__ == "__main__":
    main()
