"""Portraits -> faces at rest with their landmarks, the one step that needs a landmark detector.

``python -m training.portraits`` finds the face in each portrait of the data folder, closes its
mouth (``export.rest``) and writes canvas and landmarks of all of them to ``runs/portraits.npz``.
That file is small: it is all that a machine with many cores or a GPU needs to make puppet frames
(``training.frames``) and to train on them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

from engine.output import written_whole
from export.canvas import canvas_picture
from export.landmarks import FaceMesh
from export.puppet import Puppet
from export.rest import at_rest
from training.data import data_folder

__all__ = ["PORTRAITS", "RestPortrait", "load_portraits", "main", "save_portraits"]

log = logging.getLogger(__name__)

PORTRAITS = Path("runs") / "portraits.npz"
_SIDE = 256  # portraits are some 300 pixels wide, of which the canvas is most
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class RestPortrait:
    """picture: ``[256, 256, 3]`` uint8 RGB, the canvas with the mouth closed.
    landmarks: ``[478, 2]`` float32 in canvas units."""

    picture: NDArray[np.uint8]
    landmarks: NDArray[np.float32]

    @staticmethod
    def of(puppet: Puppet) -> RestPortrait:
        """What a puppet at rest was made from."""
        picture = canvas_picture(puppet.image, puppet.matrix, _SIDE)
        landmarks = np.concatenate([puppet.source, puppet.irises])
        return RestPortrait(picture, landmarks.astype(np.float32))

    def puppet(self) -> Puppet:
        """The same puppet on the canvas alone."""
        return Puppet(self.picture, self.landmarks * len(self.picture))


def save_portraits(portraits: Mapping[str, RestPortrait], path: Path = PORTRAITS) -> None:
    """Write all in one file, pictures as JPEG of quality 95."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, portrait in portraits.items():
        bgr = cv2.cvtColor(portrait.picture, cv2.COLOR_RGB2BGR)
        arrays[f"{name}.jpg"] = cv2.imencode(
            ".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        )[1]
        arrays[f"{name}.landmarks"] = portrait.landmarks
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)


def load_portraits(path: Path = PORTRAITS) -> dict[str, RestPortrait]:
    """All portraits by name, in the order of their names."""
    portraits = {}
    with np.load(path) as z:
        for name in sorted(n.removesuffix(".jpg") for n in z.files if n.endswith(".jpg")):
            picture = cv2.cvtColor(
                cv2.imdecode(z[f"{name}.jpg"], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
            )
            portraits[name] = RestPortrait(picture.astype(np.uint8), z[f"{name}.landmarks"])
    return portraits


def main(
    data: Path = typer.Option(data_folder(), help="The data folder."),  # noqa: B008
    out: Path = typer.Option(PORTRAITS, help="Where they go."),  # noqa: B008
) -> None:
    """Write the portraits."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    paths = sorted((data / "portraits").glob("*.jpg"))
    portraits = {}
    with FaceMesh() as mesh:
        for path in track(paths, description="faces at rest"):
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            landmarks = mesh.detect(image)
            if landmarks is not None:
                portraits[path.stem] = RestPortrait.of(at_rest(image, landmarks))
    save_portraits(portraits, out)
    size = out.stat().st_size / 1e6
    log.info("%d of %d portraits, %.1f MB", len(portraits), len(paths), size)


if __name__ == "__main__":
    typer.run(main)
