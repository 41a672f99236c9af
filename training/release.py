"""Write down what is shipped: ``python -m training.release`` makes ``resources/manifest.json``.

One manifest for the run time and one for export: every file with its hash, what made it and from
what, and its licence.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

__all__ = ["FOLDERS", "manifest", "write"]

_ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (_ROOT / "engine" / "resources", _ROOT / "export" / "resources")
MANIFEST = "manifest.json"
# File name pattern -> (make target, from what).
_ORIGINS = {
    "speech.onnx": (
        "train-speech",
        "GRID s1 (CC BY 4.0), speechocean762, LJSpeech, LibriSpeech (CC BY 4.0), VCTK (CC BY 4.0), "
        "US presidential addresses (public domain), espeak-ng and flite speech",
    ),
    "*.avatar": ("builtin-avatars", "blends of US government portraits (public domain)"),
    "lite_prior.safetensors": ("train-generator", "US government portraits (public domain)"),
    "lite_encoder.onnx": ("template", "US government portraits (public domain)"),
    "lite_face.onnx": ("template", "US government portraits (public domain)"),
    "landmark_basis.npz": ("basis", "ICT Face Model Light (MIT), MediaPipe topology (Apache-2.0)"),
    "mouth_atlas/*": ("basis", "ICT Face Model Light (MIT)"),
}


def manifest(folder: Path) -> dict[str, dict[str, str | int]]:
    """File -> sha256, bytes, make target, sources and licence, for all of a resources folder.

    Raises ValueError for a file whose origin nobody has written down.
    """
    entries: dict[str, dict[str, str | int]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST):
        name = path.relative_to(folder).as_posix()
        origin = next((o for k, o in _ORIGINS.items() if Path(name).match(k)), None)
        if origin is None:
            raise ValueError(f"{name} has no origin in training/release.py, expected one")
        entries[name] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
            "made_by": f"make {origin[0]}",
            "made_from": origin[1],
            "licence": "Apache-2.0",
        }
    return entries


def write() -> None:
    """Write both manifests."""
    for folder in FOLDERS:
        (folder / MANIFEST).write_text(json.dumps(manifest(folder), indent=1) + "\n")


if __name__ == "__main__":
    write()
