"""Videos and portraits -> one file of aligned crops, sound windows and motion: all training needs.

``python -m training.paper.crops`` writes ``runs/paper/crops.npz``. Crops are those that faces are
measured on (``export.video_score``), at half that size, as video. Training then needs neither a
video reader nor a face detector, and what it needs can be carried to another machine.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

from engine.motion import ARKIT
from engine.output import written_whole
from training.data import data_folder

if TYPE_CHECKING:
    from engine.speech import SpeechModel

__all__ = [
    "CROPS",
    "SIZE",
    "ClipCrops",
    "Crops",
    "crop",
    "main",
    "read_crops",
    "tracked_frames",
    "write_crops",
]

log = logging.getLogger(__name__)

CROPS = Path("runs") / "paper" / "crops.npz"
SIZE = 128
_QUALITY = 21  # x264's constant rate factor; RGB, since players disagree about YUV
_EVERY_ADDRESS_FRAME = 2  # neighbours at 30 fps say the same


@dataclass(frozen=True)
class ClipCrops:
    """One clip of T frames.

    key: ``SPEAKER_SENTENCE``. rest: index of the identity frame, the first with a closed mouth.
    pictures: ``[T, SIZE, SIZE, 3]`` uint8 RGB. sound: ``[T, 28, 12]`` MFCC windows.
    motion: ``[T, 52]`` tracked coefficients relative to rest. spoken: ``[T, 52]``, what the shipped
    speech model makes of the clip's sound.
    """

    key: str
    held_out: bool
    rest: int
    pictures: NDArray[np.uint8]
    sound: NDArray[np.float32]
    motion: NDArray[np.float32]
    spoken: NDArray[np.float32]


@dataclass(frozen=True)
class Crops:
    """clips: to learn trajectories from and to be measured on. faces: ``[N, SIZE, SIZE, 3]`` uint8
    RGB, people who only teach the generator what faces look like."""

    clips: list[ClipCrops]
    faces: NDArray[np.uint8]

    def generator_pictures(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """What a generator may be trained on, and the number of the clip (or -1) of each."""
        known = [c for c in self.clips if not c.held_out]
        pictures = [c.pictures for c in known]
        owner = [np.full(len(c.pictures), n) for n, c in enumerate(known)]
        return (
            np.concatenate([*pictures, self.faces]),
            np.concatenate([*owner, np.full(len(self.faces), -1)]).astype(np.int64),
        )


def read_crops(path: Path = CROPS) -> Crops:
    """What :func:`main` wrote."""
    with np.load(path, allow_pickle=False) as z:
        lengths = z["lengths"]
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        sound, motion, spoken = (z[k].astype(np.float32) for k in ("sound", "motion", "spoken"))
        videos = [z[f"video{n}"] for n in range(len(lengths) + 1)]
        clips = [
            ClipCrops(
                str(key),
                bool(held),
                int(rest),
                _decoded(video),
                sound[a:b],
                motion[a:b],
                spoken[a:b],
            )
            for key, held, rest, video, a, b in zip(
                z["keys"], z["held"], z["rests"], videos, bounds, bounds[1:], strict=False
            )
        ]
    return Crops(clips, _decoded(videos[-1]))


def write_crops(crops: Crops, path: Path = CROPS) -> None:
    """Write one file, whole or not at all."""
    pictures = [*(c.pictures for c in crops.clips), crops.faces]
    with written_whole(path) as partial, partial.open("wb") as out:
        np.savez(
            out,
            keys=np.array([c.key for c in crops.clips]),
            held=np.array([c.held_out for c in crops.clips]),
            rests=np.array([c.rest for c in crops.clips]),
            lengths=np.array([len(c.pictures) for c in crops.clips]),
            sound=np.concatenate([c.sound for c in crops.clips]).astype(np.float16),
            motion=np.concatenate([c.motion for c in crops.clips]).astype(np.float16),
            spoken=np.concatenate([c.spoken for c in crops.clips]).astype(np.float16),
            **{f"video{n}": _encoded(p) for n, p in enumerate(pictures)},
        )


def _encoded(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``[T, N, N, 3]`` as the bytes of an H.264 file: a third of single pictures."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        options = {"crf": str(_QUALITY), "bf": "0", "preset": "slow"}
        stream = container.add_stream("libx264rgb", rate=25, options=options)
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "rgb24"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return np.frombuffer(file.getvalue(), np.uint8)


def _decoded(coded: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pictures of such a file. With OpenCV: training machines may have no other reader."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        path.write_bytes(coded.tobytes())
        video, pictures = cv2.VideoCapture(str(path)), []
        while (frame := video.read())[0]:
            pictures.append(cv2.cvtColor(frame[1], cv2.COLOR_BGR2RGB))
        video.release()
    return np.stack(pictures)


def crop(image: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The protocol's crop at ``SIZE`` pixels."""
    from export.video_score import aligned

    picture, _ = aligned(image, landmarks)
    return np.asarray(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)


def tracked_frames(path: Path) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Frames at 25 a second and their landmarks; a frame without a face keeps the last ones."""
    from export.landmarks import FaceMesh
    from export.video_reading import read_video

    last: NDArray[np.float32] | None = None
    waiting: list[NDArray[np.uint8]] = []
    with FaceMesh(video=True) as mesh:
        for frame in read_video([path]):
            assert frame.image is not None
            found = mesh.detect(frame.image)
            last = last if found is None else found
            waiting.append(frame.image)
            if last is not None:
                for image in waiting:
                    yield image, last
                waiting = []


def _clip(key: str, held_out: bool, video: Path, sound: Path, model: SpeechModel) -> ClipCrops:
    from engine.audio import decode
    from export.fit import track_from_rest
    from export.landmarks import lip_gap
    from export.puppet import CLOSED_GAP
    from export.video_reading import FPS
    from training.paper.sound import mfcc_windows
    from training.speech.measure import faces_at, speak

    frames, found = zip(*tracked_frames(video), strict=True)
    landmarks = np.stack(found)
    gaps = lip_gap(landmarks)
    closed = np.flatnonzero(gaps < CLOSED_GAP)
    rest = int(closed[0]) if len(closed) else int(np.argmin(gaps))
    heard = np.concatenate(list(decode(sound)))
    spoken = faces_at(speak(model, heard), np.arange(len(frames)) / FPS)
    motion = [f.face.astype(np.float32) for f in track_from_rest(landmarks, landmarks[rest])]
    pictures = np.stack([crop(f, lm) for f, lm in zip(frames, landmarks, strict=True)])
    windows = mfcc_windows(heard, len(frames))
    return ClipCrops(key, held_out, rest, pictures, windows, np.stack(motion), spoken)


def _portraits(paths: Sequence[Path]) -> Iterator[NDArray[np.uint8]]:
    from export.landmarks import FaceMesh

    with FaceMesh() as mesh:
        for path in track(paths, description="portraits"):
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            landmarks = mesh.detect(image)
            if landmarks is not None:
                yield crop(image, landmarks)


def main(
    data: Path = typer.Option(data_folder(), help="The data folder: faces for the generator."),  # noqa: B008
    corpus: Path | None = typer.Option(None, help="GRID or TCD-TIMIT, else the data's."),  # noqa: B008
    tcd: bool = typer.Option(False, "--tcd-timit", help="The corpus is TCD-TIMIT."),
    out: Path = typer.Option(CROPS, help="The file to write."),  # noqa: B008
) -> None:
    """Write the crops. Speakers whose name is ``x`` are strangers: all their clips are held out."""
    from engine.speech import SpeechModel
    from training.paper.clips import grid, split, tcd_timit

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    folder = corpus or data / "grid" / "clips"
    everything = tcd_timit(folder) if tcd else grid(folder)
    strangers = [c for c in everything if c.speaker == "x"]
    known, held = split([c for c in everything if c.speaker != "x"])
    model = SpeechModel.load()
    clips = [
        _clip(c.key, held_out, c.video, c.sound, model)
        for c, held_out in track(
            [(c, False) for c in known] + [(c, True) for c in held + strangers],
            description="clips",
        )
    ]
    faces = list(_portraits(sorted((data / "portraits").glob("*.jpg"))))
    for path in sorted((data / "addresses").glob("*.mkv")):
        taken = list(tracked_frames(path))[::_EVERY_ADDRESS_FRAME]
        faces += [crop(image, landmarks) for image, landmarks in taken]
    write_crops(Crops(clips, np.stack(faces)), out)
    log.info(
        "%d clips to learn from, %d held out, %d faces more, %d coefficients: %s, %.1f MB",
        len(known), len(held) + len(strangers), len(faces), len(ARKIT), out,
        out.stat().st_size / 1e6,
    )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
