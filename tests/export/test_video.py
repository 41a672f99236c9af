"""The whole of `engine export --identity me.mp4` on a film of seconds, with a plan of seconds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine import cli
from engine.avatar import Avatar
from engine.errors import BadPhoto
from engine.motion import Motion
from tests import videos
from tests.export.conftest import Filmed

pytest.importorskip("torch")
from export import video, video_tune
from export.bundle import Identity
from export.tune import Plan
from export.video import VIDEO_STAGES, VideoReport, export_video

pytestmark = pytest.mark.export
WHO = Identity("me", "Me", "a test", "public domain", "a test")


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of minutes."""
    monkeypatch.setattr(video_tune, "VIDEO_PLAN", Plan(frames=6, steps=2, batch=4))
    monkeypatch.setattr(video, "_MOST_LESSONS", 8)


def test_a_video_becomes_an_avatar(filmed: Filmed, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    first: list[dict[str, object]] = []
    out = tmp_path / "me.avatar"

    def usable(warnings: Sequence[str]) -> None:
        assert "75 of 75 frames are fit" in warnings
        first.append(Avatar.load(out).manifest["generator"])

    made = export_video(
        [filmed.path], out, WHO, size=256, usable=usable,
        progress=lambda *event: told.append(event),
    )  # fmt: skip
    assert [p.name for p in tmp_path.iterdir()] == ["me.avatar"]
    assert list(dict.fromkeys(stage for stage, _ in told)) == list(VIDEO_STAGES["best"])
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1][1] == pytest.approx(1)
    assert [facts["quality"] for facts in first] == ["fast"]
    avatar = Avatar.load(out)
    assert avatar.manifest["generator"]["quality"] == "best"
    measured = avatar.manifest["generator"]["measured"]
    assert measured["held_out_frames"] == 15
    assert measured["avatar"]["gap_r"] > 0.8
    assert measured["avatar"]["lmd"] < measured["still"]["lmd"]
    assert isinstance(made, VideoReport)
    assert made.evaluation is not None
    assert made.evaluation.for_manifest() == measured
    assert "measured on 15 frames" in made.measured
    still = avatar.compositor.draw(avatar.face.canvas(Motion().face), Motion().head)
    assert np.abs(still.astype(int) - avatar.photo).mean() < 1


def test_the_fast_avatar_is_the_best_frame(filmed: Filmed, tmp_path: Path) -> None:
    made = export_video([filmed.path], tmp_path / "me.avatar", WHO, quality="fast", size=256)
    assert made.avatar.manifest["generator"]["quality"] == "fast"
    assert made.measured == ""


def test_too_little_to_learn_from_and_measure_with(filmed: Filmed, tmp_path: Path) -> None:
    path = videos.write(tmp_path / "short.mp4", iter(filmed.frames[:55]))
    with pytest.raises(BadPhoto, match=r"44 to learn from .* film 10 seconds"):
        export_video([path], tmp_path / "me.avatar", WHO)
    assert [p.name for p in tmp_path.iterdir()] == ["short.mp4"]


def test_the_command_line_knows_a_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "me.mp4").write_text("no video")
    argv = ["engine", "export", "--identity", str(tmp_path / "me.mp4"), "--progress", "none"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert "can not be read as a video" in capsys.readouterr().err
