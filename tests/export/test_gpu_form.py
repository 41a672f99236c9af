"""The GPU form: any batch, in half precision, the CPU's frames, and a part of the bundle."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from typer.testing import CliRunner

pytest.importorskip("torch")
from engine.avatar import Avatar, builtin_avatars
from engine.cli.program import app
from engine.drawing import FrameDrawing
from engine.errors import BadBundle, ModelMismatch
from engine.motion import Motion, coefficients
from engine.pipeline import Pipeline
from engine.runtime.onnx import OnnxModel
from export import gpu_form
from export.gpu_form import Precision, add_gpu_form, batched
from export.motions import sample_motions
from tests import bundles

pytestmark = pytest.mark.export


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Avatar, float]:
    """A built-in avatar, by the command that a user gives, and what it measured."""
    out = tmp_path_factory.mktemp("gpu") / "amara.avatar"
    command = ["export", "--identity", "amara", "--precision", "fp16", "--out", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    avatar = Avatar.load(out)
    assert avatar.frame is not None
    told = re.search(r"worst of 50 frames is (\d+) dB", done.stderr)
    assert told
    return out, avatar, float(told[1])


def test_every_frame_is_the_cpus(made: tuple[Path, Avatar, float]) -> None:
    """50 motions over the whole range, heads turned, one by one and in a batch."""
    assert made[2] > 55


def test_it_is_a_part_of_the_bundle_like_the_others(made: tuple[Path, Avatar, float]) -> None:
    path, avatar, _ = made
    told = avatar.manifest["models"]["frame.onnx"]
    assert told["inputs"] == {"face": ["batch", 52], "head": ["batch", 3]}
    assert told["precision"] == "fp16"
    built_in = Avatar.load(builtin_avatars()["amara"])
    assert built_in.frame is None, "an old bundle loads, and has none"
    assert avatar.manifest["name"] == built_in.manifest["name"]
    with zipfile.ZipFile(path) as archive:
        assert path.stat().st_size < 14e6
        content = {name: archive.read(name) for name in archive.namelist()}
    content["frame.onnx"] = content["frame.onnx"][:-1] + b"x"
    manifest = json.loads(content.pop("manifest.json"))
    altered = bundles.write(path.with_name("altered.avatar"), manifest, content)
    with pytest.raises(BadBundle, match=r"frame\.onnx is not what its manifest says"):
        Avatar.load(altered)
    del content["frame.onnx"]
    lacking = bundles.write(path.with_name("lacking.avatar"), manifest, content)
    with pytest.raises(BadBundle, match=r"no frame\.onnx"):
        Avatar.load(lacking)


def test_draws_for_the_pipeline(made: tuple[Path, Avatar, float]) -> None:
    _, avatar, _ = made
    assert avatar.frame is not None
    model = OnnxModel(avatar.frame)
    assert model.metadata["precision"] == "fp16"
    drawing = FrameDrawing({1: model, 4: model}, (avatar.height, avatar.width))
    motion = Motion(coefficients(jawOpen=0.6), np.array([0.03, -0.04, 0.02], np.float32))
    ours = Pipeline(avatar, drawing=drawing).draw(motion)
    off = np.abs(ours.astype(int) - Pipeline(avatar).draw(motion))
    assert off.mean() < 0.2
    still = np.abs(drawing.draw(Motion()).astype(int) - avatar.photo)
    assert still.max() <= 1, "at rest it is the photo"


def test_any_number_of_motions_at_once() -> None:
    """The real generator: dense layers on a constant pivot, reshapes, split heads."""
    with zipfile.ZipFile(builtin_avatars()["clara"]) as archive:
        face = archive.read("face.onnx")
    one, many = OnnxModel(face), OnnxModel(batched(onnx.load_from_string(face)).SerializeToString())
    motions = sample_motions(5, np.random.default_rng(3))
    found = many.run({"face": motions})
    for name, value in found.items():
        expected = np.concatenate([one.run({"face": m[None]})[name] for m in motions])
        np.testing.assert_allclose(value, expected, atol=2e-5)


def test_a_batch_that_can_not_be_freed_is_said() -> None:
    model = onnx.load_from_string(bundles.face_model())
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.array([1, 3, 16, 16], np.int64), "sizes"))
    graph.node.append(helper.make_node("Resize", ["colour", "", "", "sizes"], ["resized"]))
    graph.output.append(helper.make_tensor_value_info("resized", 1, [1, 3, 16, 16]))
    with pytest.raises(ModelMismatch, match="fixed sizes"):
        batched(model)


def test_a_form_that_is_not_the_cpus_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: tuple[Path, Avatar, float]
) -> None:
    monkeypatch.setattr(gpu_form, "frame_onnx", lambda *_: made[1].frame)
    monkeypatch.setattr(gpu_form, "STEPS", 5)
    with pytest.raises(ModelMismatch, match=r"dB from the CPU's"):
        add_gpu_form(builtin_avatars()["clara"], tmp_path / "no.avatar", Precision.fp16)
    assert not list(tmp_path.iterdir())


def test_an_avatar_without_a_precision_is_asked_for_one() -> None:
    done = CliRunner().invoke(app, ["export", "--identity", "amara"])
    assert done.exit_code != 0
    assert "--precision fp16" in str(done.exception)
