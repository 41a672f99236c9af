"""Phones and their times: ARPAbet, and how each synthesiser's own names map to it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ARPABET",
    "BILABIALS",
    "PHONE_INDEX",
    "SILENCE",
    "VOWELS",
    "Phone",
    "from_espeak",
    "from_flite",
]

SILENCE = "SIL"
VOWELS: tuple[str, ...] = (
    "AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW",
)  # fmt: skip
ARPABET: tuple[str, ...] = (
    SILENCE, *VOWELS,
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH",
    "T", "TH", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
PHONE_INDEX: dict[str, int] = {name: i for i, name in enumerate(ARPABET)}
BILABIALS = frozenset({"P", "B", "M"})

_FLITE = {"PAU": SILENCE, "AX": "AH", "AXR": "ER", "DX": "D", "EL": "L", "EM": "M", "EN": "N"}

# espeak-ng's mnemonics of its English voices, longest first where one begins another.
_ESPEAK = {
    "tS": "CH", "dZ": "JH", "aI": "AY", "aU": "AW", "eI": "EY", "OI": "OY", "oU": "OW",
    "3:": "ER", "A:": "AA", "O:": "AO", "i:": "IY", "u:": "UW", "e@": "EH", "i@": "IY", "U@": "UH",
    "A@": "AA", "O@": "AO", "o@": "AO", "aa": "AE", "I2": "IH", "@L": "L", "@2": "AH", "@5": "AH",
    "a#": "AH", "I#": "IH", "E#": "EH", "02": "AA", "n-": "N", "l#": "L", "t#": "D", "r-": "R",
    "N": "NG", "T": "TH", "D": "DH", "S": "SH", "Z": "ZH", "C": "HH", "x": "K", "?": "T",
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "g": "G", "f": "F", "v": "V", "s": "S",
    "z": "Z", "h": "HH", "m": "M", "n": "N", "r": "R", "l": "L", "w": "W", "j": "Y", "*": "D",
    "@": "AH", "3": "ER", "A": "AA", "a": "AE", "E": "EH", "e": "EY", "I": "IH", "i": "IY",
    "0": "AA", "O": "AO", "o": "OW", "V": "AH", "U": "UH", "u": "UW", "_": SILENCE,
}  # fmt: skip


@dataclass(frozen=True)
class Phone:
    """One phone of an utterance; ``start`` and ``end`` in seconds of its sound."""

    name: str
    start: float
    end: float


def from_flite(name: str) -> str:
    """ARPAbet of flite's lower-case name; KeyError for one that is unknown."""
    upper = name.upper()
    found = _FLITE.get(upper, upper)
    if found not in PHONE_INDEX:
        raise KeyError(f"flite's phone {name!r} has no ARPAbet name here")
    return found


def from_espeak(mnemonic: str) -> str | None:
    """ARPAbet of an espeak-ng mnemonic; None for marks that are no sound (stress, word end).

    A mnemonic that is not listed is taken by the longest listed one that it begins with, since
    espeak-ng marks accents with suffixes. KeyError when there is none.
    """
    bare = mnemonic.strip("',%=|;")
    if not bare or bare == ":":
        return None
    for length in range(len(bare), 0, -1):
        if bare[:length] in _ESPEAK:
            return _ESPEAK[bare[:length]]
    raise KeyError(f"espeak-ng's phoneme {mnemonic!r} has no ARPAbet name here")
