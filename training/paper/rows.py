"""The rows of the table, what stage 1 leaves for them, and the file of what was drawn.

Both generators fill the same rows: the one of pictures (``training.paper.stage2``) and the one that
ships (``training.paper.lite_stage2``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engine.output import written_whole
from training.paper.networks import Basis, SplitForm

__all__ = ["ROWS", "Row", "Trajectories", "read_drawn", "write_drawn"]

_QUALITY = 90


@dataclass(frozen=True)
class Row:
    """One row of the table. run: the stage 1 run that the trajectory is of, "codes" for those of
    the real frames, "pivot" for a face that stands still. motion: for a split run, where motion
    comes from. tuned: none, image or video."""

    name: str
    run: str
    motion: str
    tuned: str


ROWS = (
    Row("still, drawn", "pivot", "", "none"),
    Row("inversion", "codes", "", "none"),
    Row("inversion, tuned", "codes", "", "video"),
    Row("paper, stage 1 only", "paper", "", "none"),
    Row("paper, tuned on an image", "paper", "", "image"),
    Row("paper", "paper", "", "video"),
    Row("paper without L_latent", "paper-without-latent", "", "video"),
    Row("paper without L_lpips", "paper-without-lpips", "", "video"),
    Row("split, tracked motion", "split", "tracked", "video"),
    Row("split, stage 1 only", "split", "said", "none"),
    Row("split", "split", "said", "video"),
    Row("split, shipped speech model", "split", "shipped", "video"),
)


class Trajectories:
    """What stage 1 learned, as its file holds it."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as z:
            arrays = {name: torch.from_numpy(z[name]) for name in z.files}

        def under(name: str) -> dict[str, torch.Tensor]:
            return {k.removeprefix(name): v for k, v in arrays.items() if k.startswith(name)}

        self.said, basis, split = (under(name) for name in ("said/", "basis/", "network/"))
        self.split: SplitForm | None = None
        if split:
            basis = {k.split(".")[1]: v for k, v in split.items() if k.startswith("basis.")}
            self.split = SplitForm(Basis(**basis))
            self.split.load_state_dict(split)
        self.basis = Basis(**basis) if basis else None


def write_drawn(
    drawn: dict[str, NDArray[np.uint8]], every: int, path: Path, whole: bool = False
) -> None:
    """Frames as JPEG, one file. whole: they are video frames and not crops."""
    coded, ends, keys, counts = [], [], [], []
    for key, frames in drawn.items():
        keys.append(key)
        counts.append(len(frames))
        for frame in frames:
            bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
            coded.append(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1])
            ends.append(len(coded[-1]))
    with written_whole(path) as partial, partial.open("wb") as out:
        np.savez(
            out, jpeg=np.concatenate([c.reshape(-1) for c in coded]), ends=np.cumsum(ends),
            keys=np.array(keys), counts=np.array(counts), every=every, whole=whole,
        )  # fmt: skip


def read_drawn(path: Path) -> tuple[dict[str, NDArray[np.uint8]], int, bool]:
    """``ROW/CLIP`` -> frames ``[n, H, W, 3]``; of how many frames one was drawn; whether they are
    whole video frames."""
    with np.load(path, allow_pickle=False) as z:
        jpeg, ends = z["jpeg"], z["ends"]
        starts = np.concatenate([[0], ends[:-1]])
        frames = [
            cv2.cvtColor(cv2.imdecode(jpeg[a:b], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            for a, b in zip(starts, ends, strict=True)
        ]
        bounds = np.concatenate([[0], np.cumsum(z["counts"])])
        drawn = {
            str(k): np.stack(frames[a:b])
            for k, a, b in zip(z["keys"], bounds, bounds[1:], strict=False)
        }
        return drawn, int(z["every"]), bool(z["whole"]) if "whole" in z.files else False
