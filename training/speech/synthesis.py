"""Synthesised speech with exact phone times: flite prints durations, espeak-ng reports events.

Black & Lenzo, "Flite: a small fast run-time synthesis engine" (2001); Dunn et al., eSpeak NG.
Both come from the distribution's packages (``flite``, ``libespeak-ng1``).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.audio import SAMPLE_RATE, Resampler, decode
from engine.errors import AvatarEngineError
from training.speech.phones import SILENCE, Phone, from_espeak, from_flite

__all__ = ["FLITE_VOICES", "Espeak", "SynthesiserMissing", "flite"]

FLITE_VOICES = ("awb", "kal16", "rms", "slt")


class SynthesiserMissing(AvatarEngineError):
    """flite or libespeak-ng is not installed."""


def flite(
    text: str, voice: str, stretch: float = 1.0, pitch_hz: float | None = None
) -> tuple[NDArray[np.float32], list[Phone]]:
    """``(samples [n] at 16 kHz, phones)`` of ``text`` in one of ``FLITE_VOICES``.

    stretch: duration factor; pitch_hz: mean pitch, or the voice's own.
    """
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}"]
        if pitch_hz is not None:
            command += ["--setf", f"int_f0_target_mean={pitch_hz}"]
        command += ["-psdur", "-t", text, "-o", str(wav)]
        try:
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        except FileNotFoundError as error:
            raise SynthesiserMissing("flite is not installed: apt-get install flite") from error
        samples = np.concatenate(list(decode(wav)))
    phones, start = [], 0.0
    for name, end in (item.rsplit(":", 1) for item in printed.split()):
        phones.append(Phone(from_flite(name), start, float(end)))
        start = float(end)
    return samples, phones


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_SYNCHRONOUS, _PHONEME_EVENTS, _EVENT_END, _EVENT_PHONEME, _UTF8 = 2, 1, 0, 7, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_VOICELESS_STOPS = frozenset({"P", "T", "K", "CH"})
_CLOSURE_SECONDS = 0.045  # measured in its output: 40 to 50 ms of silence before each burst


class Espeak:
    """libespeak-ng through ctypes. The library is one global synthesiser: one per process."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise SynthesiserMissing(
                "libespeak-ng is not installed: apt-get install libespeak-ng1 espeak-ng-data"
            )
        self._lib = ctypes.CDLL(name)
        self._rate = self._lib.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        self._samples: list[NDArray[np.int16]] = []
        self._marks: list[tuple[int, str]] = []
        self._callback = _CALLBACK(self._receive)  # kept: C holds no reference to it
        self._lib.espeak_SetSynthCallback(self._callback)

    def speak(
        self, text: str, voice: str, words_a_minute: int = 160, pitch: int = 50, spread: int = 50
    ) -> tuple[NDArray[np.float32], list[Phone]]:
        """``(samples [n] at 16 kHz, phones)`` of English ``text``; the rest as ``say``."""
        samples = self.say(text, voice, words_a_minute, pitch, spread)
        return samples, self._phones(len(samples) / SAMPLE_RATE)

    def say(
        self, text: str, voice: str, words_a_minute: int = 160, pitch: int = 50, spread: int = 50
    ) -> NDArray[np.float32]:
        """``[n]`` at 16 kHz: ``text`` in any language.

        voice: a voice file with or without a variant, as ``gmw/en-US+f3``.
        pitch, spread: 0 to 100, 50 is the voice's own.

        Raises ValueError for an unknown voice.
        """
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}: see espeak-ng --voices")
        for parameter, value in ((_RATE, words_a_minute), (_PITCH, pitch), (_RANGE, spread)):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._samples.clear()
        self._marks.clear()
        spoken = text.encode()
        self._lib.espeak_Synth(spoken, len(spoken) + 1, 0, 1, 0, _UTF8, None, None)
        self._lib.espeak_Synchronize()
        resampler = Resampler(self._rate)
        return np.concatenate([resampler.push(np.concatenate(self._samples)), resampler.flush()])

    def _receive(self, wav: ctypes._Pointer, count: int, events: ctypes._Pointer) -> int:
        if count > 0:
            self._samples.append(np.ctypeslib.as_array(wav, (count,)).copy())
        n = 0
        while events[n].type != _EVENT_END:
            if events[n].type == _EVENT_PHONEME:
                self._marks.append((events[n].sample, events[n].id.string.decode()))
            n += 1
        return 0

    def _phones(self, seconds: float) -> list[Phone]:
        """Each phoneme lasts until the next mark; what comes before the first is silence.

        The mark of a voiceless stop is at its burst: the silence of its closure came before.
        """
        starts = [(0.0, SILENCE)]
        for sample, mark in self._marks:
            name, start = from_espeak(mark), sample / self._rate
            if name in _VOICELESS_STOPS:
                start = max(start - _CLOSURE_SECONDS, (starts[-1][0] + start) / 2)
            if name is not None:
                starts.append((start, name))
        ends = [t for t, _ in starts[1:]] + [seconds]
        return [
            Phone(name, start, end)
            for (start, name), end in zip(starts, ends, strict=True)
            if end > start
        ]
