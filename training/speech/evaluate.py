"""``python -m training.speech.evaluate``: the shipped model against real lips and aligned phones.

Always beside two floors: a jaw that follows loudness, and the same model hearing the same sound
with its quarter seconds in random order. Writes the tables into docs/speech.md between its marks
and the curves beside it.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from time import process_time
from timeit import Timer

import numpy as np
from numpy.typing import NDArray

from engine.audio import SAMPLE_RATE
from engine.speech import SPEECH_MODEL_PATH, SpeechModel
from training.speech.augmentation import Surroundings
from training.speech.corpus import Utterance, load_utterances, untexted
from training.speech.lips import OUTER, gap_and_width
from training.speech.measure import (
    CLOSED,
    best_lag,
    closed_share,
    correlation,
    faces_at,
    lip_curves,
    lips_of,
    loudness_jaw,
    open_share,
    shuffled,
    silent_frames,
    speak,
)
from training.speech.phones import BILABIALS
from training.speech.real import grid_clips, strangers
from training.speech.tracking import Track

__all__ = ["ClipFigures", "clip_figures", "main", "systems"]

log = logging.getLogger("training.speech.evaluate")

System = Callable[[NDArray[np.float32]], NDArray[np.float32]]
_OPEN_VOWELS = frozenset({"AA", "AE", "AO", "AW", "AY", "EH"})
_OBSTRUENTS = frozenset({"T", "D", "K", "G", "S", "Z", "CH", "JH", "SH", "ZH", "TH", "HH"})
_ROUNDED, _SPREAD = frozenset({"UW", "W"}), frozenset({"IY", "S", "Z"})
_EVERY = 3  # of the held-out utterances, to stay quick


@dataclass(frozen=True)
class ClipFigures:
    """One system on one clip; docs/speech.md says what each figure means."""

    gap: float
    gap_speaking: float
    lag: float
    width: float
    lip_error: float
    jitter: float
    closed: float


def systems(model: SpeechModel) -> dict[str, System]:
    """The model and its two floors: sound ``[n]`` -> coefficients ``[T, 52]`` at 100 Hz."""
    return {
        "model": lambda sound: speak(model, sound),
        "loudness jaw": loudness_jaw,
        "shuffled sound": lambda sound: speak(model, shuffled(sound)),
    }


def clip_figures(track: Track, system: System) -> ClipFigures:
    """Compare what ``system`` makes of a clip's sound with the clip's tracked lips."""
    faces = faces_at(system(track.sound), track.times)
    ours, width = lip_curves(faces)
    real, real_width = gap_and_width(track.displacement)
    silent = silent_frames(track.sound, track.times)
    widest = real >= np.nanquantile(real, 0.6)
    error = np.linalg.norm((lips_of(faces) - track.displacement)[widest][:, OUTER], axis=-1)
    still = np.linalg.norm(track.displacement[widest][:, OUTER], axis=-1)
    return ClipFigures(
        gap=correlation(ours, real),
        gap_speaking=correlation(ours[~silent], real[~silent]),
        lag=float(best_lag(ours, real)[0]),
        width=correlation(width, real_width),
        lip_error=float(np.nanmean(error) / np.nanmean(still)),
        jitter=float(np.abs(np.diff(ours, 2)).mean() / np.nanmean(np.abs(np.diff(real, 2)))),
        closed=float((ours[silent] <= CLOSED).mean()) if silent.any() else float("nan"),
    )


def main() -> None:
    """Evaluate and write the report."""
    parser = argparse.ArgumentParser(prog="python -m training.speech.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--runs", type=Path, default=Path("runs/speech"))
    parser.add_argument("--model", type=Path, default=SPEECH_MODEL_PATH)
    parser.add_argument("--report", type=Path, default=Path("docs/speech.md"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model = SpeechModel.load(options.model)
    groups = {
        "four unseen speakers (x)": strangers(options.data, options.runs / "tracks"),
        "s1, ten clips kept out": [
            c.track for c in grid_clips(options.data, options.runs / "tracks") if c.held_out
        ],
    }
    spoken = load_utterances(options.runs / "utterances", for_training=False)[::_EVERY]
    tables = [
        _clip_table(groups, systems(model)),
        _phone_table(spoken, systems(model)),
        _rest_table(options.data, model),
    ]
    text = "\n\n".join(tables)
    log.info("%s", text)
    if options.report.exists():
        _insert(options.report, text)
        _draw(groups, systems(model), options.report.parent / "pictures" / "speech_curves.png")


def _clip_table(groups: Mapping[str, Sequence[Track]], named: Mapping[str, System]) -> str:
    rows = [["clips", "system", *(f.name.replace("_", " ") for f in fields(ClipFigures))]]
    for group, tracks in groups.items():
        for name, system in named.items():
            figures = np.array([astuple(clip_figures(t, system)) for t in tracks])
            low, high = _interval(figures[:, 0])
            mean = [f"{v:.2f}" for v in np.nanmean(figures, axis=0)]
            mean[0] += f" ({low:.2f} to {high:.2f})"
            mean[2] = f"{np.mean(np.abs(figures[:, 2]) <= 1):.0%} within 1"
            mean[-1] = f"{np.nanmean(figures[:, -1]):.1%}"
            rows.append([group, name, *mean])
    return _markdown(rows)


def _phone_table(spoken: Sequence[Utterance], named: Mapping[str, System]) -> str:
    """Share of held-out phones whose lips do what the phone needs."""
    rows = [
        [
            "held-out speech",
            "system",
            "p b m closed",
            "t d k g s ... closed",
            "vowels open",
            "rounded",
        ]
    ]
    recorded = [u for u in spoken if u.speaker.startswith("speechocean762")]
    made = [u for u in spoken if not u.speaker.startswith(("speechocean762", "ljspeech"))]
    for group, utterances in (("speechocean762", recorded), ("flite, espeak-ng", made)):
        for name, system in named.items():
            counts = np.zeros((3, 2), int)
            round_widths: list[float] = []
            spread_widths: list[float] = []
            for utterance in utterances:
                gap, width = lip_curves(system(utterance.sound))
                counts[0] += closed_share(gap, utterance.phones, BILABIALS)
                counts[1] += closed_share(gap, utterance.phones, _OBSTRUENTS)
                counts[2] += open_share(gap, utterance.phones, _OPEN_VOWELS)
                for phone in utterance.phones:
                    inside = width[round(phone.start * 100) : round(phone.end * 100)]
                    if len(inside) and phone.name in _ROUNDED | _SPREAD:
                        kept = round_widths if phone.name in _ROUNDED else spread_widths
                        kept.append(float(inside.mean()))
            pairs = np.subtract.outer(spread_widths, round_widths) > 0
            shares = [f"{a / b:.0%} of {b}" for a, b in counts]
            rows.append([group, name, *shares, f"{pairs.mean():.0%}"])
    return _markdown(rows)


def _rest_table(data: Path, model: SpeechModel) -> str:
    """Closed share over sounds that are no speech, and the time of a step."""
    noises = Surroundings(list(untexted(data, 12)), pieces=32, seed=99)
    rng = np.random.default_rng(99)
    rows = [["sound without speech, one minute each", "hops closed", "greatest gap"]]
    for name, level in (("silence", None), ("-60 dB", -60), ("-40 dB", -40), ("-25 dB", -25)):
        pieces = [noises.draw(5 * SAMPLE_RATE, rng) for _ in range(12)]
        scale = 0.0 if level is None else 10 ** (level / 20)
        gaps = [lip_curves(speak(model, p * np.float32(scale)))[0] for p in pieces]
        gap = np.concatenate(gaps)
        label = name if level is None else f"noise, hum, keys, breath, music, babble at {name}"
        rows.append([label, f"{(gap <= CLOSED).mean():.1%}", f"{gap.max():.3f}"])
    columns, state = np.zeros((100, 80), np.float32), model.initial_state()
    run = Timer(lambda: model.step(columns, state), timer=process_time)
    best = min(run.repeat(repeat=5, number=5)) / 500
    rows.append(["one step of 10 ms on one core", f"{best * 1000:.3f} ms", ""])
    return _markdown(rows)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the mean over clips by the bootstrap (Efron 1979)."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, size=(2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _insert(report: Path, text: str) -> None:
    """Replace what stands between the report's two marks."""
    marks = re.compile(r"(<!-- tables -->\n).*?(<!-- end of tables -->)", re.DOTALL)
    report.write_text(marks.sub(lambda m: m[1] + text + "\n" + m[2], report.read_text()))


def _draw(groups: Mapping[str, Sequence[Track]], named: Mapping[str, System], path: Path) -> None:
    """Lip gap of six clips, tracked and predicted, over the waveform."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    tracks = [t for group, n in zip(groups.values(), (4, 2), strict=True) for t in group[:n]]
    figure, axes = plt.subplots(3, 2, figsize=(12, 7), sharex=True)
    for axis, track in zip(axes.flat, tracks, strict=True):
        seconds = np.arange(len(track.sound)) / SAMPLE_RATE
        wave = 0.04 * track.sound / np.abs(track.sound).max() - 0.06
        axis.plot(seconds[::20], wave[::20], color="0.7", linewidth=0.5)
        axis.plot(track.times, gap_and_width(track.displacement)[0], "k", label="tracked")
        for name, style in (("model", "C3"), ("loudness jaw", "C0:")):
            gap = lip_curves(named[name](track.sound))[0]
            axis.plot(np.arange(len(gap)) / 100, gap, style, label=name)
        axis.set_title(track.key, fontsize=9)
    axes[0, 0].legend(fontsize=8)
    axes[1, 0].set_ylabel("lip gap against rest, canthus distances")
    axes[2, 0].set_xlabel("s")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    main()
