"""``python -m training.speech``: from the data folder to ``engine/resources/speech.onnx``.

Stages, each resumable: align, recognise and synthesise speech, track the videos, fit the
coarticulation model and the videos' time offsets to the tracked lips, train, export.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from engine.speech import SPEECH_MODEL_PATH
from training.speech.calibration import agreement, matching_amplitude
from training.speech.material import prepare
from training.speech.network import lean_to_closing
from training.speech.to_onnx import export_speech
from training.speech.train import TrainingPlan, new_network, train

_RECOGNISED = 180  # recordings without a text


def main() -> None:
    """Run all stages that are not done yet."""
    parser = argparse.ArgumentParser(prog="python -m training.speech", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--runs", type=Path, default=Path("runs/speech"), help="caches and logs")
    parser.add_argument("--name", default="default", help="folder of this training in --runs")
    parser.add_argument("--steps", type=int, default=TrainingPlan.steps)
    parser.add_argument("--look-ahead", type=int, default=4, help="hops of 10 ms")
    parser.add_argument("--without", choices=("s1", "addresses"), help="keep out, to test on it")
    parser.add_argument("--recognised", type=int, default=_RECOGNISED, help="recordings to use")
    parser.add_argument("--out", type=Path, default=SPEECH_MODEL_PATH)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("onnx_ir").setLevel(logging.WARNING)
    logging.getLogger("onnxscript").setLevel(logging.WARNING)
    torch.set_num_threads(1)

    material = prepare(options.data, options.runs, options.recognised, options.without)
    held = material.held
    network = train(
        new_network(options.look_ahead),
        lambda: material.mix(options.look_ahead),
        TrainingPlan(steps=options.steps),
        options.runs / options.name,
        lambda net: {k: v for name in held for k, v in agreement(net, held[name], name).items()},
    )
    lean_to_closing(network)
    amplitude = matching_amplitude(network.eval(), [s for group in held.values() for s in group])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    note = f"{options.name}, {options.steps} steps"
    export_speech(network, options.out, amplitude, note=note)


if __name__ == "__main__":
    main()
