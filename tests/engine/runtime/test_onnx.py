"""onnxruntime behind the small interface: names, errors, many threads."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from engine.errors import MissingExtra, ModelMismatch
from engine.face import FIELDS
from engine.motion import coefficients
from engine.runtime.onnx import OnnxModel
from tests import bundles


def test_tells_names_shapes_and_metadata() -> None:
    source = onnx.load_from_string(bundles.face_model())
    onnx.helper.set_model_props(source, {"format": "test 1"})
    model = OnnxModel(source.SerializeToString())
    assert model.metadata == {"format": "test 1"}
    assert model.inputs == {"face": (1, 52)}
    fields = {name: (1, n, 16, 16) for name, n in FIELDS.items()}
    assert model.outputs == fields | {"jaw": (1, 2)}


def test_a_file_and_its_bytes_are_the_same_model(tmp_path: Path) -> None:
    path = tmp_path / "face.onnx"
    path.write_bytes(bundles.face_model())
    face = coefficients(jawOpen=1)[None]
    of_file = OnnxModel(path).run({"face": face})
    of_bytes = OnnxModel(bundles.face_model(), threads=2).run({"face": face})
    assert list(of_file) == [*FIELDS, "jaw"]
    for name, value in of_file.items():
        np.testing.assert_array_equal(value, of_bytes[name])
    assert of_file["alpha"].max() > 0.9


def test_runs_in_many_threads_at_once() -> None:
    model = OnnxModel(bundles.face_model())

    def run(k: int) -> NDArray[np.float32]:
        return model.run({"face": coefficients(jawOpen=k / 50)[None]})["alpha"]

    alone = [run(k) for k in range(50)]
    with ThreadPoolExecutor(4) as pool:
        for value, expected in zip(pool.map(run, range(50)), alone, strict=True):
            np.testing.assert_array_equal(value, expected)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatch, match="the given bytes"):
        OnnxModel(b"not a model")
    with pytest.raises(ModelMismatch, match=r"lost\.onnx"):
        OnnxModel(tmp_path / "lost.onnx")


def test_without_onnxruntime_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"avatar-engine\[cpu\]"):
        OnnxModel(bundles.face_model())
