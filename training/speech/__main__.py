"""``python -m training.speech``: from the data folder to ``engine/resources/speech.onnx``.

Stages, each resumable: track the videos, align and synthesise speech, fit the coarticulation model
to the tracked lips of GRID's speaker s1, measure how late the other videos are, train, export.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import torch

from engine.features import LogMel
from engine.speech import SPEECH_MODEL_PATH
from training.speech.articulators import articulate
from training.speech.augmentation import Surroundings
from training.speech.coarticulation import Coarticulation, FitClip, fit_coarticulation
from training.speech.corpus import load_utterances, prepare_recorded, prepare_synthesised, untexted
from training.speech.dataset import Windows, aligned_example, tracked_example
from training.speech.geometry import LipGeometry, gap, width
from training.speech.measure import correlation
from training.speech.network import SpeechNetwork, lean_to_closing
from training.speech.real import Address, GridClip, addresses, grid_clips, strangers
from training.speech.to_onnx import export_speech
from training.speech.tracking import Track
from training.speech.train import Mix, TrainingPlan, new_network, train

log = logging.getLogger("training.speech")

_SENTENCES = 900  # synthesised
_VOICES = 120  # without text, for babble


def main() -> None:
    """Run all stages that are not done yet."""
    parser = argparse.ArgumentParser(prog="python -m training.speech", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--runs", type=Path, default=Path("runs/speech"), help="caches and logs")
    parser.add_argument("--name", default="default", help="folder of this training in --runs")
    parser.add_argument("--steps", type=int, default=TrainingPlan.steps)
    parser.add_argument("--look-ahead", type=int, default=4, help="hops of 10 ms")
    parser.add_argument("--out", type=Path, default=SPEECH_MODEL_PATH)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("onnx_ir").setLevel(logging.WARNING)
    logging.getLogger("onnxscript").setLevel(logging.WARNING)
    torch.set_num_threads(1)

    runs: Path = options.runs
    prepare_synthesised(options.data, runs / "utterances", _SENTENCES)
    prepare_recorded(options.data, runs / "utterances")
    clips = grid_clips(options.data, runs / "tracks")
    others = strangers(options.data, runs / "tracks")
    model, offset = _coarticulation(clips, runs / "coarticulation.pt")
    fluent = addresses(options.data, runs / "tracks", model)
    mix = _mix(options.data, runs, clips, fluent, model, offset, options.look_ahead)
    held = [c.track for c in clips if c.held_out]
    network = train(
        new_network(options.look_ahead),
        mix,
        TrainingPlan(steps=options.steps),
        runs / options.name,
        lambda net: {**_agreement(net, held, "s1"), **_agreement(net, others, "x")},
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    lean_to_closing(network)
    export_speech(network.eval(), options.out, note=f"{options.name}, {options.steps} steps")


def _coarticulation(clips: list[GridClip], path: Path) -> tuple[Coarticulation, float]:
    """The fitted model and s1's time offset (s), from ``path`` where they are already there."""
    if not path.exists():
        shown = [c for c in clips if not c.held_out]
        fitted, offset = fit_coarticulation(
            [FitClip(c.phones, c.track.times, c.track.displacement) for c in shown]
        )
        torch.save({"model": fitted.state_dict(), "offset": offset}, path)
    saved = torch.load(path, weights_only=True)
    model = Coarticulation()
    model.load_state_dict(saved["model"])
    return model.eval(), float(saved["offset"])


def _mix(
    data: Path,
    runs: Path,
    clips: list[GridClip],
    fluent: list[Address],
    model: Coarticulation,
    offset: float,
    look_ahead: int,
) -> Mix:
    """A batch of 32: seven of real lips, 22 of aligned speech, three without a voice."""
    surroundings = Surroundings(list(untexted(data, _VOICES)))
    utterances = load_utterances(runs / "utterances", for_training=True)
    aligned = [aligned_example(u.sound, u.phones, model) for u in utterances]
    real = [tracked_example(c.track, c.phones, offset) for c in clips if not c.held_out]
    spoken = [tracked_example(a.track, a.phones, a.offset) for a in fluent]
    log.info("%d aligned utterances, %d real clips", len(aligned), len(real))
    return Mix(
        (
            (Windows(aligned, surroundings, look_ahead), 22),
            (Windows(real, surroundings, look_ahead, speeds=(0.85, 1.25)), 4),
            (Windows(spoken, surroundings, look_ahead, speeds=(0.85, 1.2)), 3),
        ),
        silent=3,
    )


@torch.no_grad()
def _agreement(network: SpeechNetwork, tracks: list[Track], name: str) -> dict[str, float]:
    """Mean correlation of gap and width with the tracked ones over clips."""
    geometry, gaps, widths = LipGeometry(), [], []
    late = network.config.look_ahead_hops
    for track in tracks:
        columns, _ = LogMel().step(track.sound, LogMel().initial_state())
        padded = np.pad(columns, ((0, late + 1), (0, 0)), mode="edge")
        controls = network(torch.from_numpy(padded)[None])[0][0]
        ours = geometry(articulate(controls))
        rows = np.minimum(np.round(track.times * 100).astype(int) + late, len(ours) - 1)
        real = torch.from_numpy(track.displacement)
        gaps.append(correlation(gap(ours)[rows].numpy(), gap(real).numpy()))
        widths.append(correlation(width(ours)[rows].numpy(), width(real).numpy()))
    return {f"{name} gap": float(np.mean(gaps)), f"{name} width": float(np.mean(widths))}


if __name__ == "__main__":
    main()
