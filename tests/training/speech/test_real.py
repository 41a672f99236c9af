"""How late a video is against its sound is measured right."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pocketsphinx")

from training.speech.articulators import articulate  # noqa: E402
from training.speech.coarticulation import Coarticulation  # noqa: E402
from training.speech.geometry import LipGeometry  # noqa: E402
from training.speech.phones import Phone  # noqa: E402
from training.speech.real import grid_sentence, measure_offset  # noqa: E402
from training.speech.tracking import Track  # noqa: E402

pytestmark = pytest.mark.export


@pytest.mark.parametrize("offset", [-0.12, 0.0, 0.18])
def test_a_known_offset_is_measured(offset: float) -> None:
    names = ["SIL", "B", "AA", "S", "M", "AO", "T", "P", "IY", "SIL", "W", "AE", "SIL"]
    phones = tuple(Phone(n, 0.25 * i, 0.25 * (i + 1)) for i, n in enumerate(names))
    model = Coarticulation()
    times = np.arange(80, dtype=np.float32) / 25
    with torch.no_grad():
        lips = LipGeometry()(articulate(model(phones, torch.from_numpy(times + offset)))).numpy()
    sound = np.zeros(int(0.25 * len(names) * 16000), np.float32)
    found, r = measure_offset(Track("a", times, lips, sound), phones, model)
    assert found == pytest.approx(offset, abs=0.015)
    assert r > 0.99


def test_a_grid_code_is_its_sentence() -> None:
    assert grid_sentence("brbk7n") == "bin red by k seven now"
    assert grid_sentence("swizzp") == "set white in zed zero please"
    with pytest.raises(KeyError):
        grid_sentence("xxxxxx")
