"""bfloat16 is for processors that have it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from training.precision import quick_half  # noqa: E402


@pytest.mark.parametrize(("has_it", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_bfloat16_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, has_it: bool, dtype: torch.dtype
) -> None:
    processor = SimpleNamespace(_is_mkldnn_bf16_supported=lambda: has_it)
    monkeypatch.setattr(torch.ops, "mkldnn", processor)
    with quick_half():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is dtype


def test_this_processor_is_asked() -> None:
    assert isinstance(quick_half()._enabled, bool)
