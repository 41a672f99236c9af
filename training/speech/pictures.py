"""Curves of the lips over the sound that moves them, as pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from engine.audio import SAMPLE_RATE
from training.speech.lips import gap_and_width
from training.speech.measure import lip_curves
from training.speech.tracking import Track

matplotlib.use("Agg")

import matplotlib.pyplot as plt

__all__ = ["draw_clips", "draw_voices"]

Sound = NDArray[np.float32]


def draw_clips(
    tracks: Sequence[Track], systems: Mapping[str, Callable[[Sound], Sound]], path: Path
) -> None:
    """Lip gap of clips, tracked and as each system makes it, over the waveform."""
    styles = ("C3", "C0:", "C2--")
    figure, axes = plt.subplots(-(-len(tracks) // 2), 2, figsize=(12, 7), sharex=True)
    for axis, track in zip(axes.flat, tracks, strict=True):
        _wave(axis, track.sound)
        axis.plot(track.times, gap_and_width(track.displacement)[0], "k", label="tracked")
        for (name, system), style in zip(systems.items(), styles, strict=False):
            gap, _ = lip_curves(system(track.sound))
            axis.plot(np.arange(len(gap)) / 100, gap, style, label=name)
        axis.set_title(track.key, fontsize=9)
    axes[0, 0].legend(fontsize=8)
    axes[1, 0].set_ylabel("lip gap against rest, canthus distances")
    _save(figure, path)


def draw_voices(sounds: Mapping[str, Sound], system: Callable[[Sound], Sound], path: Path) -> None:
    """Gap and width of voices that nobody has tracked, over the waveform."""
    figure, axes = plt.subplots(-(-len(sounds) // 2), 2, figsize=(12, 1.9 * len(sounds) / 2 + 1))
    for axis, (name, sound) in zip(axes.flat, sounds.items(), strict=False):
        _wave(axis, sound)
        gap, width = lip_curves(system(sound))
        axis.plot(np.arange(len(gap)) / 100, gap, "C3", label="gap")
        axis.plot(np.arange(len(width)) / 100, width, "C0", linewidth=0.8, label="width")
        axis.set_title(name, fontsize=9)
        axis.set_ylim(-0.18, 0.22)
    for axis in axes.flat[len(sounds) :]:
        axis.axis("off")
    axes.flat[0].legend(fontsize=8)
    _save(figure, path)


def _wave(axis: plt.Axes, sound: Sound) -> None:
    seconds = np.arange(len(sound)) / SAMPLE_RATE
    wave = 0.04 * sound / max(float(np.abs(sound).max()), 1e-6) - 0.06
    axis.plot(seconds[::20], wave[::20], color="0.7", linewidth=0.5)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.supxlabel("s", fontsize=9)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)
