"""The strip that shows what the figures mean."""

from __future__ import annotations

import numpy as np

from export.video_evaluation import Evaluation
from export.video_score import Scores
from training.evaluate_video import strip


def test_the_strip_goes_from_the_widest_mouth_to_a_closed_one() -> None:
    gaps = np.random.default_rng(0).permutation(30) / 100
    real = [np.full((4, 4, 3), round(100 * gap), np.uint8) for gap in gaps]
    drawn = [picture + 100 for picture in real]
    scores = Scores(30, 0.9, 31, 1, 1.2, 0.9)
    made = strip(Evaluation(30, scores, scores, gaps, real, drawn))
    assert made.shape == (8, 32, 3)
    upper, lower = made[0, ::4, 0].astype(int), made[4, ::4, 0].astype(int)
    assert (upper[0], upper[-1]) == (29, 0)
    assert (np.diff(upper) <= 0).all()
    assert (lower == upper + 100).all()
