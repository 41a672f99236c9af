"""``engine info``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine import avatar as avatar_module
from tests import bundles
from tests.engine.cli.calls import Run, refused


def made(folder: Path, facts: dict[str, object]) -> Path:
    """A bundle whose generator has these facts."""
    generator = {"family": "matrix", "size": bundles.CANVAS} | facts
    return bundles.bundle(folder / "me.avatar", generator=generator)


def test_info_says_who_it_is_and_what_it_costs(run: Run, bundle: Path) -> None:
    code, out, _ = run("info", bundle)
    assert code == 0
    for told in ("Nobody [at all]", "all 5 parts are as they were made", "128 x 128, 25 frames",
                 "family matrix", "CC0", "nobody's", "avatar-engine test"):  # fmt: skip
        assert told in out
    assert re.search(r"here +\d+ ms of one core for a frame now, 40 ms are there", out)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"quality": "fast"}, "fast: the released generator, not tuned to this face"),
        ({"quality": "best"}, "best: tuned to this face"),
        ({"quality": "other"}, "quality    other"),
        ({}, "quality    not said"),
    ],
)
def test_info_says_what_the_quality_means(
    run: Run, tmp_path: Path, facts: dict[str, object], says: str
) -> None:
    assert says in run("info", made(tmp_path, facts))[1]


MEASURED = {"held_out_frames": 90, "avatar": {"lmd": 1.58}, "still": {"lmd": 3.78}}


def test_info_says_how_well_an_avatar_from_a_video_does(run: Run, tmp_path: Path) -> None:
    out = run("info", made(tmp_path, {"measured": MEASURED}))[1]
    assert "1.6 px off on 90 frames that it never saw; a still photo's 3.8" in out


@pytest.mark.parametrize("measured", [1, {}, MEASURED | {"still": 3}, MEASURED | {"avatar": {}}])
def test_a_garbled_measurement_is_left_out(run: Run, tmp_path: Path, measured: object) -> None:
    code, out, _ = run("info", made(tmp_path, {"measured": measured}))
    assert code == 0
    assert "lips" not in out


def test_a_part_that_unpacks_without_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(avatar_module, "_PART_LIMIT", 1 << 20)
    files = bundles.parts() | {"preview.png": bytes(4 << 20)}
    path = bundles.write(tmp_path / "bomb.avatar", bundles.manifest(files), files)
    refused(run("info", path), "preview.png unpacks to 4194304 bytes")


def test_an_avatar_that_is_not_there(run: Run, tmp_path: Path) -> None:
    refused(run("info", "nobody"), "'nobody'")
    refused(run("info", tmp_path), "no file called")
