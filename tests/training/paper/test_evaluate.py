"""Tables: the still face is in each, videos are paired by name, pictures are written."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchmetrics")

from engine.errors import BadInput  # noqa: E402
from training.paper.discriminator import Discriminator  # noqa: E402
from training.paper.evaluate import STILL, Evaluation, _finish, _pairs, _strip  # noqa: E402
from training.paper.measures import DiscriminatorFeatures, RealClip  # noqa: E402

pytestmark = pytest.mark.export


def faces(count: int, open_mouth: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Crops of noise and landmarks on which the lips part by up to ``open_mouth`` pixels."""
    rng = np.random.default_rng(0)
    points = rng.uniform(80, 180, (478, 2))
    points[[33, 133, 362, 263]] = [(80, 100), (104, 100), (152, 100), (176, 100)]
    points[13] = points[14] = (128, 170)
    out = []
    for k in range(count):
        moved = points.copy()
        moved[[14, 17, 84, 314], 1] += open_mouth * k / count
        out.append((rng.integers(0, 255, (256, 256, 3)).astype(np.uint8), moved))
    return out


def test_moving_lips_beat_the_still_face_and_everything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = faces(12, 20.0)
    evaluation = Evaluation()
    evaluation.add("s1", RealClip(truth, truth[0]), {"paper": faces(12, 18.0)})
    assert evaluation.mean("s1", "paper").lmd < evaluation.mean("s1", STILL).lmd
    torch.manual_seed(0)
    features = DiscriminatorFeatures(Discriminator((8, 8, 8, 8)), 32)
    _finish(evaluation, features, tmp_path, None)
    results = json.loads((tmp_path / "results.json").read_text())
    assert list(results["s1"]) == [STILL, "paper"]
    assert results["s1"]["paper"]["fid"]["features"] == features.name
    # A second time, beside the first: equal features may be compared, others may not.
    _finish(evaluation, features, tmp_path / ".", tmp_path / "results.json")
    assert "(+0)" in capsys.readouterr().out
    results["s1"]["paper"]["fid"]["features"] = "Inception-v3"
    (tmp_path / "other.json").write_text(json.dumps(results))
    with pytest.raises(BadInput, match="same features"):
        _finish(evaluation, features, tmp_path, tmp_path / "other.json")


def test_videos_are_paired_by_name(tmp_path: Path) -> None:
    for name in ("real/a.mpg", "real/b.mpg", "drawn/a.mp4", "drawn/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    pairs = _pairs(tmp_path / "real", tmp_path / "drawn")
    assert [(a.name, b.name) for a, b in pairs] == [("a.mpg", "a.mp4")]
    with pytest.raises(BadInput, match="share no name"):
        _pairs(tmp_path / "real", tmp_path / "none")


def test_a_strip_has_a_line_for_each_row(tmp_path: Path) -> None:
    _strip(tmp_path / "a.jpg", {"real": faces(9, 5.0), "paper, tuned": faces(9, 4.0)})
    picture = cv2.imread(str(tmp_path / "a.jpg"))
    assert picture.shape == (2 * 96, 190 + 8 * 96, 3)
