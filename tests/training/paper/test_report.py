"""The page says what was measured, by which features, and what was published."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

pytest.importorskip("matplotlib")

from training.paper.report import draw_curves, markdown

ROW = {
    "clips": 15, "psnr": 27.123, "ssim": 0.8, "face": 27.0, "lmd": 1.5, "open_lmd": 2.0,
    "gap_r": 0.7, "fid": {"value": 4.25, "features": "features of ours", "frames": 375},
}  # fmt: skip


def test_tables_stand_beside_the_published_ones() -> None:
    page = markdown({"s1": {"still face": ROW, "paper": ROW | {"lmd": 1.25}}})
    assert "**s1**, 15 clips, 375 frames; FID of features of ours" in page
    assert "| paper | 27.12 | 0.800 | 4.25 | 1.25 | 2.00 | 0.70 |" in page
    assert "| GRID, proposed | 20.33 | 0.65 | 5.30 | 2.18 |" in page


def test_curves_are_drawn_of_what_was_kept(tmp_path: Path) -> None:
    assert not draw_curves(tmp_path, tmp_path, tmp_path / "curves.png")
    (tmp_path / "psnr.csv").write_text("step,minutes,psnr,r1\n50,1,20.5,\n100,2,24.5,\n")
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "curves.csv").write_text(
        "step,minutes,latent,lpips,held out\n50,1,9,0.5,11\n100,2,7,0.4,10\n"
    )
    assert draw_curves(tmp_path, tmp_path, tmp_path / "curves.png")
    assert cv2.imread(str(tmp_path / "curves.png")).std() > 5
