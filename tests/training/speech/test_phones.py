"""Names of two synthesisers become ARPAbet, unknown ones are told."""

from __future__ import annotations

import pytest

from training.speech.phones import ARPABET, BILABIALS, PHONE_INDEX, from_espeak, from_flite


def test_inventory() -> None:
    assert len(ARPABET) == len(PHONE_INDEX) == 40
    assert set(ARPABET) >= BILABIALS


@pytest.mark.parametrize(
    ("name", "phone"), [("pau", "SIL"), ("ax", "AH"), ("b", "B"), ("uw", "UW")]
)
def test_flite(name: str, phone: str) -> None:
    assert from_flite(name) == phone


@pytest.mark.parametrize(
    ("mnemonic", "phone"),
    [
        ("b", "B"),
        ("tS", "CH"),
        ("aI", "AY"),
        ("aI@", "AY"),
        ("'i:", "IY"),
        ("N", "NG"),
        ("_:", "SIL"),
    ],
)
def test_espeak(mnemonic: str, phone: str) -> None:
    assert from_espeak(mnemonic) == phone


@pytest.mark.parametrize("mark", ["", "'", ",", ":"])
def test_espeak_marks_are_no_phones(mark: str) -> None:
    assert from_espeak(mark) is None


def test_unknown_names_are_told() -> None:
    with pytest.raises(KeyError, match="qq"):
        from_flite("qq")
    with pytest.raises(KeyError, match="§"):
        from_espeak("§")
