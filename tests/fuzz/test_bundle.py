"""Bundles that nobody exported: broken archives, lying manifests, altered parts."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.avatar import Avatar, read_manifest
from engine.errors import AvatarEngineError
from tests import bundles

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["schema", "name", "title", "fps", "frame", "canvas", "generator", "models", "parts", "rights"]
)
NUMBERS = st.sampled_from(
    [0, -1, 1, 3, 63, 64, 4096, 4098, 1 << 31, 1 << 63, 1e308, float("nan"), "128", None, [128]]
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return bundles.bundle(tmp_path_factory.mktemp("good") / "good.avatar").read_bytes()


def load(path: Path, tried: Counter[str]) -> None:
    """Loaded, or refused in our own words."""
    tried["tried"] += 1
    said = None
    try:
        read_manifest(path)
        Avatar.load(path)
        tried["taken"] += 1
    except AvatarEngineError as error:
        said = str(error)
    assert said is None or (said and "Traceback" not in said)


@given(data=st.data())
def test_bytes_of_a_good_one_changed(
    data: st.DataObject, good: bytes, tmp_path_factory: pytest.TempPathFactory, tried: Any
) -> None:
    altered = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(altered) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "insert", "repeat"]))
        if kind == "set":
            altered[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del altered[at : at + data.draw(st.integers(1, 200))]
        elif kind == "insert":
            altered[at:at] = data.draw(st.binary(min_size=1, max_size=40))
        else:
            altered[at:at] = altered[max(0, at - 100) : at]
        if not altered:
            break
    path = tmp_path_factory.getbasetemp() / "altered.avatar"
    path.write_bytes(bytes(altered))
    load(path, tried)


@given(data=st.binary(max_size=400))
def test_any_bytes(data: bytes, tmp_path_factory: pytest.TempPathFactory, tried: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any.avatar"
    path.write_bytes(data)
    load(path, tried)


@given(changes=st.dictionaries(KEYS, JSON, min_size=1, max_size=3))
def test_manifests_of_any_content(
    changes: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, tried: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "told.avatar"
    bundles.bundle(path, **changes)
    load(path, tried)


@given(
    width=NUMBERS,
    height=NUMBERS,
    size=NUMBERS,
    matrix=st.lists(st.lists(NUMBERS, max_size=4), max_size=3) | JSON,
)
def test_manifests_with_wrong_numbers(
    width: Any,
    height: Any,
    size: Any,
    matrix: Any,
    tmp_path_factory: pytest.TempPathFactory,
    tried: Any,
) -> None:
    path = tmp_path_factory.getbasetemp() / "numbers.avatar"
    frame = {"width": width, "height": height, "mouth": matrix}
    bundles.bundle(path, frame=frame, canvas={"size": size, "matrix": matrix})
    load(path, tried)


@given(
    part=st.sampled_from(["face.onnx", "photo.png", "preview.png", "thumbnail.jpg"]),
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=6),
)
def test_parts_that_were_altered_and_hashed_again(
    part: str,
    cut: float,
    flips: list[tuple[float, int]],
    tmp_path_factory: pytest.TempPathFactory,
    tried: Any,
) -> None:
    """The hashes are right: decoders and onnxruntime see what was done."""
    files = bundles.parts()
    altered = bytearray(files[part])
    for at, by in flips:
        altered[int(at * len(altered))] ^= by
    files[part] = bytes(altered[: max(1, int(cut * len(altered)))] if cut < 0.9 else altered)
    path = tmp_path_factory.getbasetemp() / "parts.avatar"
    load(bundles.write(path, bundles.manifest(files), files), tried)


@given(
    names=st.lists(
        st.sampled_from(
            ["../x", "/etc/passwd", "a/b", "C:\\x", "face.onnx", "photo.png", "manifest.json", "",
             "con", "x\x00y", "\u202eavatar"]
        )
        | st.text(max_size=12),
        max_size=5,
    )
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_with_other_entries(
    names: list[str], tmp_path_factory: pytest.TempPathFactory, tried: Any
) -> None:
    files = bundles.parts()
    path = tmp_path_factory.getbasetemp() / "entries.avatar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(bundles.manifest(files)))
        for name, content in files.items():
            archive.writestr(name, content)
        for name in names:
            archive.writestr(name.partition("\0")[0] or "x", b"y")
    load(path, tried)
