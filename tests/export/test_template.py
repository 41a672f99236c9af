"""A face model filled in without torch is the one that torch would have exported."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import ModelMismatch
from engine.face import FaceModel
from engine.runtime.onnx import OnnxModel
from tests import photos

pytest.importorskip("onnx")
from export.canvas import canvas_picture
from export.generator.prior import PRIOR_PATH
from export.landmarks import FaceMesh
from export.motions import sample_motions
from export.puppet import Puppet
from export.template import PREFIX, Template

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.load()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)


@pytest.fixture(scope="module")
def landmarks() -> np.ndarray:
    return np.random.default_rng(4).uniform(0.2, 0.8, (468, 2))


def others(template: Template) -> dict[str, np.ndarray]:
    """The inputs of an identity that neither encoder nor rest give."""
    rng = np.random.default_rng(1)
    names = {n.removeprefix(PREFIX): s for n, s in template.model.inputs.items() if PREFIX in n}
    return {
        n: rng.random(s).astype(np.float32) for n, s in names.items() if n not in ("w", "offset")
    }


def test_what_is_shipped_was_made_from_the_shipped_prior(template: Template) -> None:
    """`make template` after every training."""
    expected = hashlib.sha256(PRIOR_PATH.read_bytes()).hexdigest()
    assert template.model.metadata["prior"] == expected
    assert template.encoder.metadata["prior"] == expected


def test_filled_it_is_a_face_model_that_rests_where_it_should(
    template: Template, picture: np.ndarray, landmarks: np.ndarray
) -> None:
    rest = np.random.default_rng(2).uniform(0.0, 0.6, (3, 128, 128)).astype(np.float32)
    identity = template.identity(picture, landmarks, rest, **others(template))
    filled = template.filled(identity)
    assert template.prove(identity, filled, rest) < 3e-3
    assert FaceModel(filled).size == template.size == 128
    model = OnnxModel(filled)
    assert set(model.inputs) == {"face"}
    still = model.run({"face": np.zeros((1, 52), np.float32)})
    np.testing.assert_allclose(still["flow"][0], rest[:2], atol=1e-5)
    np.testing.assert_allclose(still["alpha"][0], rest[2:], atol=1e-5)


def drawn(photo: np.ndarray, flow: np.ndarray, alpha: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """The canvas's mouth, RGB 0 to 1; fields channels first."""
    size = photo.shape[0]
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    warped = cv2.remap(photo, x + flow[0] * size, y + flow[1] * size, cv2.INTER_LINEAR)
    cover = alpha.transpose(1, 2, 0)
    picture = warped / 255 * (1 - cover) + colour.transpose(1, 2, 0) * cover
    return picture[int(0.46 * size) : int(0.78 * size), int(0.32 * size) : int(0.68 * size)]


def decibel(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a - b) ** 2) + 1e-6))


@pytest.mark.parametrize("name", ["amara", "henrik"])
def test_without_tuning_the_mouth_of_a_stranger_moves_as_its_puppet_does(
    template: Template, name: str
) -> None:
    """Four decibels nearer to the puppet than the still photo: the target of `fast`."""
    image = photos.builtin(name)
    with FaceMesh() as mesh:
        landmarks = mesh.detect(image)
    assert landmarks is not None
    puppet = Puppet(image, landmarks)
    photo = canvas_picture(image, puppet.matrix, 128)
    rest = puppet.fields(np.zeros(52, np.float32), 128)
    identity = template.identity(photo, puppet.rest, rest.stack(), **others(template))
    model = OnnxModel(template.filled(identity))
    ours, still = [], []
    for face in sample_motions(12, np.random.default_rng(3)):
        wanted = puppet.fields(face, 128)
        real = drawn(photo, wanted.flow, wanted.alpha, wanted.colour)
        out = model.run({"face": face[None]})
        ours.append(decibel(drawn(photo, *(out[k][0] for k in ("flow", "alpha", "colour"))), real))
        still.append(decibel(drawn(photo, rest.flow, rest.alpha, rest.colour), real))
    assert np.mean(ours) >= np.mean(still) + 4


def test_the_proof_catches_another_persons_model(
    template: Template, picture: np.ndarray, landmarks: np.ndarray
) -> None:
    rest = np.zeros((3, 128, 128), np.float32)
    mine = template.identity(picture, landmarks, rest, **others(template))
    yours = template.identity(255 - picture, landmarks, rest, **others(template))
    with pytest.raises(ModelMismatch, match="differs"):
        template.prove(mine, template.filled(yours), rest)
    with pytest.raises(ModelMismatch, match="at rest"):
        template.prove(mine, template.filled(mine), rest + 0.01)
    broken = {**mine, f"{PREFIX}w": np.full_like(mine[f"{PREFIX}w"], np.nan)}
    with pytest.raises(ModelMismatch):
        template.prove(broken, template.filled(broken), rest)


def test_an_incomplete_identity_is_refused(template: Template) -> None:
    with pytest.raises(ModelMismatch, match=r"identity\.offset.*got \['identity\.w'\]"):
        template.filled({f"{PREFIX}w": np.zeros((1, 12, 128), np.float32)})


def test_parts_of_different_priors_are_refused(template: Template, tmp_path: Path) -> None:
    import onnx

    other = onnx.load_from_string(template.face)
    next(p for p in other.metadata_props if p.key == "prior").value = "another"
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(ModelMismatch, match="different priors"):
        Template.load(face=tmp_path / "other.onnx")
    with pytest.raises(ModelMismatch, match="can not be read"):
        Template.load(face=tmp_path / "lost.onnx")
