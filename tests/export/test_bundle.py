"""What is packed is what a user loads."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.avatar import PARTS, SCHEMA, Avatar
from engine.errors import AvatarEngineError
from export.bundle import Identity, write_bundle
from tests import bundles

pytestmark = pytest.mark.export
WHO = Identity("me", "It is me", "a photo", "CC0", "my own face")


def pack(path: Path, size: int = bundles.CANVAS) -> Avatar:
    facts = {"family": "matrix", "size": size}
    matrix = np.array(bundles.MATRIX)
    return write_bundle(
        path, WHO, bundles.photo(), matrix, bundles.teeth(), bundles.face_model(), facts
    )


def test_a_packed_bundle_loads_as_it_was(tmp_path: Path) -> None:
    photo = bundles.photo()
    avatar = pack(tmp_path / "me.avatar")
    np.testing.assert_array_equal(avatar.photo, photo)
    np.testing.assert_array_equal(avatar.matrix, bundles.MATRIX)
    assert (avatar.name, avatar.title) == ("me", "It is me")
    assert avatar.manifest["generator"] == {"family": "matrix", "size": bundles.CANVAS}
    assert avatar.manifest["rights"] == "my own face"
    thumbnail = cv2.imdecode(np.frombuffer(avatar.thumbnail_jpg, np.uint8), cv2.IMREAD_COLOR)
    assert thumbnail.shape == (192, 192, 3)


def test_the_file_holds_the_parts_and_nothing_else(tmp_path: Path) -> None:
    for name in ("mediapipe", "torch"):  # only what was used is named
        pytest.importorskip(name)
    path = tmp_path / "me.avatar"
    pack(path)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(["manifest.json", *PARTS])
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["schema"] == SCHEMA
    assert set(manifest["parts"]) == set(PARTS)
    assert {"avatar-engine", "torch", "mediapipe"} <= set(manifest["made_with"])
    x0, y0, x1, y1 = manifest["frame"]["mouth"]
    assert x0 < bundles.MOUTH[0] < x1
    assert y0 < bundles.MOUTH[1] < y1


def test_what_could_not_be_loaded_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(AvatarEngineError):
        pack(tmp_path / "me.avatar", size=32)
