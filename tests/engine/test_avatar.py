"""Bundles: a good one loads, a damaged, foreign or hostile one is refused with a reason."""

from __future__ import annotations

import contextlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import avatar as avatar_module
from engine.avatar import Avatar, builtin_avatars, find_avatar, read_manifest
from engine.errors import AvatarEngineError, BadBundle, BadInput, ModelMismatch
from tests import bundles


def test_a_good_bundle_loads(avatar: Avatar) -> None:
    assert (avatar.name, avatar.title) == ("nobody", "Nobody [at all]")
    assert (avatar.width, avatar.height) == (bundles.FRAME, bundles.FRAME)
    np.testing.assert_array_equal(avatar.photo, bundles.photo())
    np.testing.assert_array_equal(avatar.matrix, bundles.MATRIX)
    assert avatar.preview_png.startswith(b"\x89PNG")
    assert avatar.thumbnail_jpg.startswith(b"\xff\xd8")
    assert avatar.manifest["licence"] == "CC0"


def test_the_manifest_can_be_read_alone(bundle: Path) -> None:
    assert read_manifest(bundle)["title"] == "Nobody [at all]"


# -- what is no bundle, or no longer the one that was made -----------------------------------------


def _rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    files = bundles.parts()
    told = bundles.manifest(files)
    change(told, files)
    return bundles.write(path, told, files)


def _honest(told: dict[str, Any], files: dict[str, bytes], name: str, data: bytes) -> None:
    """Another part, its hash told truly: an attacker can do that too."""
    files[name] = data
    told["parts"] = bundles.manifest(files)["parts"]


def _other_part(name: str, data: bytes) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    return lambda told, files: _honest(told, files, name, data)


def _huge_png(side: int) -> bytes:
    """A small file that claims to hold ``side`` x ``side`` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


Change = Callable[[dict[str, Any], dict[str, bytes]], Any]
MANIFESTS: dict[str, tuple[Change, str]] = {
    "a future schema": (lambda told, _: told.update(schema=3), "schema 3, expected 2"),
    "no schema": (lambda told, _: told.pop("schema"), "schema None"),
    "no frame": (lambda told, _: told.pop("frame"), "'frame', expected an object"),
    "a list for the canvas": (lambda told, _: told.update(canvas=[]), "'canvas', expected an"),
    "no name": (lambda told, _: told.pop("name"), "lacks or garbles 'name'"),
    "no width": (lambda told, _: told["frame"].pop("width"), "lacks or garbles 'width'"),
    "an endless width": (lambda told, _: told["frame"].update(width=float("inf")), "garbles"),
    "a width of words": (lambda told, _: told["frame"].update(width="wide"), "garbles"),
    "another width": (lambda told, _: told["frame"].update(width=130), "expected a PNG of 130"),
    "a matrix of words": (lambda told, _: told["canvas"].update(matrix="here"), "garbles"),
    "a ragged matrix": (lambda told, _: told["canvas"].update(matrix=[[1, 2, 3], [4]]), "garbles"),
    "a flat matrix": (
        lambda told, _: told["canvas"].update(matrix=[[96, 96, 16], [96, 96, 16]]),
        "expected the same size and a place inside the frame",
    ),
    "a canvas elsewhere": (
        lambda told, _: told["canvas"].update(matrix=[[96, 0, 400], [0, 96, 16]]),
        "a place inside the frame",
    ),
    "a matrix of NaN": (
        lambda told, _: told["canvas"].update(matrix=[[float("nan")] * 3] * 2),
        "a place inside the frame",
    ),
    "another canvas": (lambda told, _: told["canvas"].update(size=32), "a face model of 16"),
    "no hashes": (lambda told, _: told.update(parts={}), "sha256 differs"),
    "another photo": (
        lambda told, files: files.update({"photo.png": bundles.png(bundles.photo() // 2)}),
        "photo.png is not what its manifest says",
    ),
    "no photo": (lambda told, files: files.pop("photo.png"), "has no photo.png"),
    "a photo that is none": (_other_part("photo.png", b"photo"), "a photo of 0 x 0"),
    "a damaged photo": (_other_part("photo.png", bundles.parts()["photo.png"][:60]), "decoded"),
    "a photo that unpacks to gigabytes": (
        lambda told, files: (
            told["frame"].update(width=65534, height=65534),
            _honest(told, files, "photo.png", _huge_png(65534)),
        ),
        "expected even sides of 64 to 4096",
    ),
    "frames of odd size": (
        lambda told, files: (
            told["frame"].update(width=127),
            _honest(told, files, "photo.png", bundles.png(bundles.photo(127, 128))),
        ),
        "127 x 128, expected even",
    ),
    "a path that leaves the archive": (
        lambda told, files: files.update({"../../evil.py": b"x"}),
        "holds '../../evil.py', expected only",
    ),
    "an absolute path": (lambda told, files: files.update({"/etc/evil": b"x"}), "'/etc/evil'"),
    "a part too many": (lambda told, files: files.update({"notes.txt": b"x"}), "'notes.txt'"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "says"), MANIFESTS.values(), ids=list(MANIFESTS))
def test_refuses(tmp_path: Path, change: Change, says: str) -> None:
    path = _rewritten(tmp_path / "bad.avatar", change)
    with pytest.raises(BadBundle, match=r"bad\.avatar") as caught:
        Avatar.load(path)
    assert says in str(caught.value)
    assert "expected" in str(caught.value)
    assert len(str(caught.value)) < 400, "a message, not a dump"
    assert sorted(tmp_path.iterdir()) == [path]


def test_refuses_a_model_that_is_none(tmp_path: Path) -> None:
    path = _rewritten(tmp_path / "bad.avatar", _other_part("face.onnx", b"model"))
    with pytest.raises(ModelMismatch):
        Avatar.load(path)


def test_refuses_a_part_that_unpacks_to_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(avatar_module, "_PART_LIMIT", 1 << 20)
    path = _rewritten(tmp_path / "bad.avatar", _other_part("thumbnail.jpg", bytes(2 << 20)))
    assert path.stat().st_size < 1 << 18
    with pytest.raises(BadBundle, match="unpacks to 2097152 bytes, expected at most 1048576"):
        Avatar.load(path)


def test_the_size_in_the_zip_header_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zip directories can lie; what counts is what comes out."""
    monkeypatch.setattr(avatar_module, "_PART_LIMIT", 1 << 20)
    path = _rewritten(tmp_path / "bad.avatar", _other_part("thumbnail.jpg", bytes(2 << 20)))
    content, size = path.read_bytes(), struct.pack("<I", 2 << 20)
    path.write_bytes(content.replace(size, struct.pack("<I", 100)))
    with pytest.raises(BadBundle, match=r"thumbnail\.jpg"):
        Avatar.load(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"PK\x03\x04" + bytes(60), b"[" * 100_000],
    ids=["empty", "text", "half a zip", "brackets"],
)
def test_refuses_what_is_no_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.avatar"
    path.write_bytes(content)
    with pytest.raises(BadBundle, match=r"expected an \.avatar made by"):
        Avatar.load(path)


@pytest.mark.parametrize("told", [b"[" * 100_000, b"\xff\xfe", b"{", b"[1]", b"null", b"1e999"])
def test_refuses_a_manifest_that_is_none(tmp_path: Path, told: bytes) -> None:
    path = tmp_path / "bad.avatar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", told)
    with pytest.raises(BadBundle, match="export it anew"):
        Avatar.load(path)


def test_refuses_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "lost.avatar"):
        with pytest.raises(BadBundle, match="can not be opened"):
            Avatar.load(path)


bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@bounded
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_flipped_bit_is_refused_or_harmless(
    bundle: Path, tmp_path: Path, where: float, bit: int
) -> None:
    """Harmless: in what the zip keeps but nobody reads, such as the time of packing."""
    content = bytearray(bundle.read_bytes())
    content[int(where * len(content))] ^= 1 << bit
    path = tmp_path / "flipped.avatar"
    path.write_bytes(content)
    try:
        loaded = Avatar.load(path)
    except AvatarEngineError:
        return
    np.testing.assert_array_equal(loaded.photo, bundles.photo())
    assert loaded.manifest == read_manifest(bundle)


@bounded
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_shortened_bundle_is_refused(bundle: Path, tmp_path: Path, share: float) -> None:
    content = bundle.read_bytes()
    path = tmp_path / "short.avatar"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BadBundle):
        Avatar.load(path)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["width", "height", "size", "matrix", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@bounded
@given(
    key=st.sampled_from(["schema", "name", "title", "frame", "canvas", "parts", "generator"]),
    value=values,
)
def test_any_manifest_loads_or_is_refused(tmp_path: Path, key: str, value: object) -> None:
    files = bundles.parts()
    told = bundles.manifest(files, **{key: value})
    path = bundles.write(tmp_path / "any.avatar", json.loads(json.dumps(told)), files)
    with contextlib.suppress(AvatarEngineError):
        Avatar.load(path)


# -- finding one -----------------------------------------------------------------------------------


def test_finds_files_and_built_in_names(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_avatar(str(bundle)) == bundle
    monkeypatch.setattr(avatar_module, "_BUILTIN", bundle.parent)
    assert builtin_avatars() == {"nobody": bundle}
    assert find_avatar("nobody") == bundle
    with pytest.raises(BadInput, match="'somebody', expected a file or one of: nobody"):
        find_avatar("somebody")
    with pytest.raises(BadInput, match="expected a file or one of"):
        find_avatar(str(tmp_path))


@pytest.mark.parametrize("name", builtin_avatars())
def test_built_in_avatars_load(name: str) -> None:
    avatar = Avatar.load(builtin_avatars()[name])
    assert avatar.name == name
    assert min(avatar.width, avatar.height) >= 512
    assert avatar.manifest["rights"]
