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
import torch
from numpy.typing import NDArray

from engine.audio import HOP_SAMPLES, SAMPLE_RATE
from engine.speech import SPEECH_MODEL_PATH, SpeechModel
from training.speech.articulators import articulate, spread_matrix
from training.speech.augmentation import KINDS, Surroundings
from training.speech.coarticulation import Coarticulation
from training.speech.conditions import conditions
from training.speech.corpus import Utterance, load_utterances, untexted
from training.speech.lips import OUTER, gap_and_width
from training.speech.measure import (
    CLOSED,
    best_lag,
    closed_share,
    correlation,
    faces_at,
    interval,
    lip_curves,
    lips_of,
    loudness_jaw,
    narrower_share,
    open_share,
    shuffled,
    silent_frames,
    speak,
)
from training.speech.phones import BILABIALS
from training.speech.pictures import draw_clips
from training.speech.puppet_lips import lip_distances
from training.speech.real import grid_aligner, grid_clips, grid_phones, strangers
from training.speech.tracking import Track

__all__ = ["ClipFigures", "clip_figures", "main", "systems"]

log = logging.getLogger("training.speech.evaluate")

System = Callable[[NDArray[np.float32]], NDArray[np.float32]]
_OPEN_VOWELS = frozenset({"AA", "AE", "AO", "AW", "AY", "EH"})
_OBSTRUENTS = frozenset({"T", "D", "K", "G", "S", "Z", "CH", "JH", "SH", "ZH", "TH", "HH"})
_LABIODENTALS = frozenset({"F", "V"})
_ROUNDED, _SPREAD = frozenset({"UW", "W"}), frozenset({"IY", "S", "Z"})
_NEAR_TEETH = 0.04  # a lower lip on the teeth leaves less than this between the lips
_EVERY = 3  # of the held-out utterances, to stay quick


@dataclass(frozen=True)
class ClipFigures:
    """One system on one clip; docs/speech.md says what each figure means."""

    gap: float
    gap_speaking: float
    lag: float
    width: float
    lip_error: float
    spread: float
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
        spread=float(ours.std() / np.nanstd(real)),
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
    voices = list(untexted(options.data, 12))
    spoken = load_utterances(options.runs / "utterances", for_training=False)[::_EVERY]
    text = "\n\n".join(
        [
            _clip_table(groups, systems(model), _told(groups, options.runs / "coarticulation.pt")),
            _puppet_table(groups, options.data, options.runs / "tracks", systems(model)),
            _condition_table(groups, model, voices),
            _phone_table(spoken, systems(model)),
            _rest_table(Surroundings(voices, pieces=1, seed=99), model),
        ]
    )
    log.info("%s", text)
    if options.report.exists():
        _insert(options.report, text)
        tracks = [t for group, n in zip(groups.values(), (4, 2), strict=True) for t in group[:n]]
        named = {k: v for k, v in systems(model).items() if k != "shuffled sound"}
        draw_clips(tracks, named, options.report.parent / "pictures" / "speech_curves.png")


@torch.no_grad()
def _told(groups: Mapping[str, Sequence[Track]], fitted: Path) -> dict[str, NDArray[np.float32]]:
    """What the coarticulation model makes of each clip's true phones, ``[T, 52]`` by its name."""
    model = Coarticulation()
    model.load_state_dict(torch.load(fitted, weights_only=True)["model"])
    aligner, told = grid_aligner(), {}
    for track in (t for tracks in groups.values() for t in tracks):
        phones, hops = (
            grid_phones(track, aligner),
            torch.arange(len(track.sound) // HOP_SAMPLES) / 100,
        )
        assert phones is not None, f"{track.key} does not say what its name says"
        told[track.key] = articulate(model(phones, hops)).numpy() @ spread_matrix()
    return told


def _clip_table(
    groups: Mapping[str, Sequence[Track]],
    named: Mapping[str, System],
    told: Mapping[str, NDArray[np.float32]],
) -> str:
    rows = [["clips", "system", *(f.name.replace("_", " ") for f in fields(ClipFigures))]]
    for group, tracks in groups.items():
        for name in (*named, "phones told"):
            figures = np.array(
                [
                    astuple(clip_figures(t, named.get(name, lambda _, t=t: told[t.key])))
                    for t in tracks
                ]
            )
            columns = dict(zip((f.name for f in fields(ClipFigures)), figures.T, strict=True))
            cells = {k: _mean(v) for k, v in columns.items()}
            cells["lag"] = f"{np.mean(np.abs(columns['lag']) <= 1):.0%} within 1"
            cells["closed"] = f"{np.nanmean(columns['closed']):.1%}"
            rows.append([group, name, *cells.values()])
    return _markdown(rows)


def _puppet_table(
    groups: Mapping[str, Sequence[Track]], data: Path, cache: Path, named: Mapping[str, System]
) -> str:
    """How far the lips of a driven puppet are from the real ones, as a share of a still one's."""
    rows = [["clips", "still, px", "tracked motion", *named]]
    for group, tracks in groups.items():
        found = [
            lip_distances(data / "grid" / "clips" / f"{t.key}.mpg", cache, named) for t in tracks
        ]
        still = np.array([d["still"] for d in found])
        shares = {k: np.array([d[k] for d in found]) / still for k in ("tracked", *named)}
        rows.append([group, _mean(still), *(_mean(v) for v in shares.values())])
    return _markdown(rows)


def _condition_table(
    groups: Mapping[str, Sequence[Track]], model: SpeechModel, voices: Sequence[NDArray[np.float32]]
) -> str:
    """What every condition takes from the correlation of the gap."""
    rows = [["condition", *(f"gap, {group}" for group in groups), "lost"]]
    clean = {g: [_gap(t, model, t.sound) for t in tracks] for g, tracks in groups.items()}
    rows.append(["clean", *(f"{np.mean(v):.2f}" for v in clean.values()), ""])
    for name, change in conditions(voices).items():
        found = {g: [_gap(t, model, change(t.sound)) for t in ts] for g, ts in groups.items()}
        lost = np.concatenate([np.subtract(clean[g], found[g]) for g in groups])
        rows.append([name, *(f"{np.mean(v):.2f}" for v in found.values()), _mean(lost)])
    return _markdown(rows)


def _gap(track: Track, model: SpeechModel, sound: NDArray[np.float32]) -> float:
    ours, _ = lip_curves(faces_at(speak(model, sound), track.times))
    return correlation(ours, gap_and_width(track.displacement)[0])


def _phone_table(spoken: Sequence[Utterance], named: Mapping[str, System]) -> str:
    """Share of held-out phones whose lips do what the phone needs."""
    heads = ("p b m closed", "f v near", "t d k g s ... closed", "vowels open", "rounded")
    rows = [["held-out speech", "system", *heads]]
    corpora = {"speechocean762": ("speechocean762",), "librispeech, vctk": ("librispeech", "vctk")}
    named_corpora = {
        group: [u for u in spoken if u.speaker.startswith(names)]
        for group, names in corpora.items()
    }
    other = (*corpora["speechocean762"], *corpora["librispeech, vctk"], "ljspeech")
    named_corpora["flite, espeak-ng"] = [u for u in spoken if not u.speaker.startswith(other)]
    for group, utterances in named_corpora.items():
        for name, system in named.items():
            curves = [(*lip_curves(system(u.sound)), u.phones) for u in utterances]
            counts = np.zeros((4, 2), int)
            for gap, _, phones in curves:
                counts[0] += closed_share(gap, phones, BILABIALS)
                counts[1] += closed_share(gap, phones, _LABIODENTALS, _NEAR_TEETH)
                counts[2] += closed_share(gap, phones, _OBSTRUENTS)
                counts[3] += open_share(gap, phones, _OPEN_VOWELS)
            rounded = narrower_share([(w, p) for _, w, p in curves], _ROUNDED, _SPREAD)
            shares = [f"{a / max(b, 1):.0%} of {b}" for a, b in counts]
            rows.append([group, name, *shares, f"{rounded:.0%}"])
    return _markdown(rows)


def _rest_table(sounds: Surroundings, model: SpeechModel) -> str:
    """Closed share over sounds that are no speech, and the time of a step."""
    rng = np.random.default_rng(99)
    rows = [["sound without a speaker, one minute each", "hops closed", "greatest gap"]]
    kinds = {"noise, hum, keys, breath, music": KINDS[:-1], "six voices at once": KINDS[-1:]}
    for level in (-60, -40, -25):
        for label, names in kinds.items():
            pieces = [sounds.piece(names[n % len(names)], 80000, rng) for n in range(12)]
            scale = np.float32(10 ** (level / 20))
            gap = np.concatenate([lip_curves(speak(model, scale * p))[0] for p in pieces])
            rows.append(
                [f"{label} at {level} dB", f"{(gap <= CLOSED).mean():.1%}", f"{gap.max():.3f}"]
            )
    silence, _ = lip_curves(speak(model, np.zeros(60 * SAMPLE_RATE, np.float32)))
    rows.append(["silence", f"{(silence <= CLOSED).mean():.1%}", f"{silence.max():.3f}"])
    columns, state = np.zeros((100, 80), np.float32), model.initial_state()
    run = Timer(lambda: model.step(columns, state), timer=process_time)
    best = min(run.repeat(repeat=5, number=5)) / 500
    rows.append(["one step of 10 ms on one core", f"{best * 1000:.3f} ms", ""])
    return _markdown(rows)


def _mean(values: NDArray[np.floating]) -> str:
    low, high = interval(values)
    return f"{np.nanmean(values):.2f} ({low:.2f} to {high:.2f})"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _insert(report: Path, text: str) -> None:
    """Replace what stands between the report's two marks."""
    marks = re.compile(r"(<!-- tables -->\n).*?(<!-- end of tables -->)", re.DOTALL)
    report.write_text(marks.sub(lambda m: m[1] + text + "\n" + m[2], report.read_text()))


if __name__ == "__main__":
    main()
