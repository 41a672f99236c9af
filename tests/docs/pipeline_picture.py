"""The one picture of the architecture, every tile of it drawn from the real pipeline.

python -m tests.docs.pipeline_picture        # docs/pictures/pipeline.svg; needs espeak-ng
"""

from __future__ import annotations

import base64
import io
import subprocess
import tempfile
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from engine import ARKIT, Avatar, Pipeline, TimedMotion, decode, find_avatar
from engine.features import LogMel
from export.landmarks import FaceMesh
from tests.docs.pages import ROOT

__all__ = ["main"]

SENTENCE = "We saw five happy wolves."
OUT = ROOT / "docs" / "pictures" / "pipeline.svg"
TILE = 104  # side in the drawing; pictures in it have twice as many pixels
LIVE = "LIVE, 25 TIMES A SECOND: engine serve, engine render"
TITLE = "From a photo and a voice to a talking face"
TOLD = (
    "Once: landmarks of a photo place a puppet, which teaches a pre-trained generator; photo and "
    "generator are the avatar. Live, 25 times a second: sound becomes a log-mel spectrogram, a GRU "
    "turns it into motion, to which blinks, gaze, sway and sliders add; the generator turns motion "
    "into flow, colour and light, and the compositor warps the photo into a frame."
)
CURVES = {"jawOpen": "#3c7a3c", "mouthFunnel": "#b07a12", "mouthClose": "#5b6abf"}


def sentence() -> NDArray[np.float32]:
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        subprocess.run(["espeak-ng", "-s", "140", "-w", wav, SENTENCE], check=True)
        return np.concatenate(list(decode(wav)))


def embedded(image: NDArray[np.uint8], x: float, y: float, side: int = TILE) -> str:
    """An SVG image element that brings its own pixels."""
    small = Image.fromarray(image).resize((2 * side, 2 * side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=82, optimize=True)
    data = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    shown = f'<image x="{x}" y="{y}" width="{side}" height="{side}" href="{data}"/>'
    return shown + outline(x, y, side, side, "none")


def outline(x: float, y: float, wide: float, high: float, fill: str = "#fff") -> str:
    size = f'x="{x}" y="{y}" width="{wide}" height="{high}"'
    return f'<rect {size} rx="5" fill="{fill}" stroke="#b9b3a4"/>'


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """kind: "s" for small. Centred at x."""
    return f'<text x="{x}" y="{y}" text-anchor="middle" class="{kind}">{escape(words)}</text>'


def dotted(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo under its landmarks."""
    with FaceMesh() as mesh:
        landmarks = mesh.detect(photo)
    assert landmarks is not None
    picture = Image.fromarray(photo)
    draw = ImageDraw.Draw(picture)
    for x, y in landmarks[:468, :2]:
        draw.ellipse((x - 1.6, y - 1.6, x + 1.6, y + 1.6), fill="#eaffea")
    return np.asarray(picture)


def spectrogram(sound: NDArray[np.float32]) -> NDArray[np.uint8]:
    columns, _ = LogMel().step(sound, LogMel().initial_state())
    levels = np.clip((columns.T[::-1] + 18) / 16, 0, 1)
    return np.asarray(
        cv2.applyColorMap((levels * 255).astype(np.uint8), cv2.COLORMAP_MAGMA)[..., ::-1]
    )


def flow(pipeline: Pipeline, motion: TimedMotion) -> NDArray[np.uint8]:
    """Direction as hue, length as strength, on the canvas; white where nothing moves."""
    field = pipeline.avatar.face.canvas(motion.motion.face).flow
    length = np.hypot(*field.transpose(2, 0, 1))
    hue = (np.degrees(np.arctan2(field[..., 1], field[..., 0])) % 360) / 2
    strength = np.clip(length / np.quantile(length, 0.995), 0, 1) * 255
    hsv = np.dstack([hue, strength, np.full_like(hue, 252)]).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def polyline(values: NDArray[np.floating], x: float, y: float, high: float, colour: str) -> str:
    """0 to 1 upwards in a tile whose lower edge is at y."""
    across = np.linspace(x + 4, x + TILE - 4, len(values))
    points = " ".join(f"{a:.1f},{y - v * high:.1f}" for a, v in zip(across, values, strict=True))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def box(x: float, y: float, wide: float, label: str, below: str, fill: str = "#fff") -> str:
    middle = x + wide / 2
    inside = text(middle, y + 23, label) + text(middle, y + 41, below, "s")
    return outline(x, y, wide, 54, fill) + inside


def label(x: float, y: float, words: str, below: str = "") -> str:
    return text(x, y, words) + text(x, y + 16, below, "s")


def arrow(path: str) -> str:
    return f'<path d="{path}" fill="none" stroke="#555" stroke-width="1.6" marker-end="url(#a)"/>'


def sound_tile(sound: NDArray[np.float32], x: float, y: float) -> str:
    parts = np.array_split(np.abs(sound), TILE - 8)
    middle = y + TILE / 2
    bars = "".join(
        f"M{x + 4 + k} {middle - 46 * p.max():.1f}V{middle + 46 * p.max() + 0.6:.1f}"
        for k, p in enumerate(parts)
    )
    return outline(x, y, TILE, TILE) + f'<path d="{bars}" stroke="#3c7a3c" stroke-width="1"/>'


def drawing() -> str:
    sound = sentence()
    pipeline = Pipeline(Avatar.load(find_avatar("clara")))
    motions, _ = pipeline.listen(sound, pipeline.initial_state(seed=4))
    faces = np.array([timed.motion.face for timed in motions])
    widest = motions[
        int((faces[:, ARKIT.index("jawOpen")] - faces[:, ARKIT.index("mouthClose")]).argmax())
    ]
    photo, frame = pipeline.avatar.photo, pipeline.draw(widest.motion)
    head = (slice(60, 440), slice(66, 446))
    top, low = 46, 246  # of the two rows of tiles
    middle_top, middle_low = top + TILE / 2, low + TILE / 2
    curves = "".join(
        polyline(faces[:, ARKIT.index(name)], 424, low + TILE - 6, 190, colour)
        for name, colour in CURVES.items()
    )
    parts = [
        '<text x="28" y="30" fill="#8a6d2f" class="t">ONCE: engine export</text>',
        embedded(photo[head], 28, top),
        label(28 + TILE / 2, top + TILE + 18, "photo"),
        arrow(f"M136 {middle_top}H164"),
        embedded(dotted(photo)[head], 168, top),
        label(168 + TILE / 2, top + TILE + 18, "puppet", "what each motion does"),
        arrow(f"M276 {middle_top}H326"),
        box(330, middle_top - 27, 184, "tuning", "of a pre-trained generator"),
        arrow(f"M518 {middle_top}H560"),
        box(564, middle_top - 27, 150, "me.avatar", "photo + face.onnx", "#efe6d2"),
        arrow(f"M639 {middle_top + 30}V{low - 4}"),
        f'<text x="28" y="{low - 16}" fill="#4c7a3d" class="t">{LIVE}</text>',
        sound_tile(sound, 28, low),
        label(28 + TILE / 2, low + TILE + 18, "sound", "16 kHz, the only clock"),
        arrow(f"M136 {middle_low}H156"),
        embedded(spectrogram(sound), 160, low),
        label(160 + TILE / 2, low + TILE + 18, "log-mel", "80 bands, 10 ms"),
        arrow(f"M268 {middle_low}H296"),
        box(300, middle_low - 27, 84, "GRU", "+ 40 ms"),
        arrow(f"M388 {middle_low}H420"),
        outline(424, low, TILE, TILE),
        curves,
        label(424 + TILE / 2, low + TILE + 18, "motion", "52 ARKit, head"),
        arrow(f"M532 {middle_low}H560"),
        embedded(flow(pipeline, widest), 564, low),
        label(564 + TILE / 2, low + TILE + 18, "generator", "flow, colour, light"),
        arrow(f"M672 {middle_low}H700"),
        embedded(frame[head], 704, low),
        label(704 + TILE / 2, low + TILE + 18, "compositor", "warps the photo"),
        arrow(f"M812 {middle_low}H840"),
        box(844, middle_low - 27, 112, "frame, voice", "one time stamp"),
        arrow(f"M476 {low + TILE + 66}V{low + TILE + 42}"),
        text(476, low + TILE + 84, "blinks, gaze, sway, sliders", "s"),
    ]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 984 448" role="img" '
        'font-family="system-ui, sans-serif" font-size="15" fill="#222" aria-labelledby="t d">'
        f'<title id="t">{TITLE}</title><desc id="d">{TOLD}</desc>'
        "<style>.s{font-size:12px;fill:#666}.t{font-size:13px}</style>"
        '<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" fill="#555"/></marker></defs>'
        '<rect width="984" height="448" rx="10" fill="#fbfaf7"/>' + "\n".join(parts) + "</svg>\n"
    )


def main() -> None:
    OUT.write_text(drawing(), encoding="utf-8")


if __name__ == "__main__":
    main()
