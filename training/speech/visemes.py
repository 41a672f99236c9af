"""What each phone asks of the mouth before anything is learned: the starting point of the fit.

Values are those of an articulate adult; the fit to tracked speech moves them (see
``training.speech.coarticulation``). Which control a phone insists on follows the usual viseme
classes (Fisher, "Confusions Among Visually Perceived Consonants", 1968): lips meet for p b m, the
lower lip touches the teeth for f v, lips round for sh ch r w and the back vowels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.speech.articulators import CONTROL_INDEX, CONTROLS
from training.speech.phones import ARPABET, SILENCE, Phone

__all__ = [
    "GROUPS",
    "GROUP_OF_CONTROL",
    "VISEMES",
    "VISEME_INDEX",
    "initial_dominance",
    "initial_targets",
    "split",
]

# Diphthongs are two visemes one after the other.
_DIPHTHONGS = {
    "AW": ("AW1", "AW2"), "AY": ("AY1", "AY2"), "EY": ("EY1", "EY2"), "OW": ("OW1", "OW2"),
    "OY": ("OY1", "OY2"),
}  # fmt: skip
_FIRST_SHARE = 0.55  # of a diphthong's time
VISEMES: tuple[str, ...] = tuple(
    half for phone in ARPABET for half in _DIPHTHONGS.get(phone, (phone,))
)
VISEME_INDEX: dict[str, int] = {name: i for i, name in enumerate(VISEMES)}

# Controls that a phone insists on together share one dominance.
GROUPS: tuple[str, ...] = ("jaw", "closing", "rounding", "parting")
_GROUP = {
    "jawOpen": "jaw", "jawForward": "jaw", "closure": "closing", "mouthRollLower": "closing",
    "mouthRollUpper": "closing", "mouthPress": "closing", "mouthShrugLower": "closing",
    "mouthFunnel": "rounding", "mouthPucker": "rounding", "mouthStretch": "rounding",
    "mouthSmile": "rounding", "mouthDimple": "rounding", "mouthShrugUpper": "parting",
    "mouthLowerDown": "parting", "mouthUpperUp": "parting", "tongueOut": "parting",
}  # fmt: skip
GROUP_OF_CONTROL: tuple[int, ...] = tuple(GROUPS.index(_GROUP[name]) for name in CONTROLS)

_J, _C, _F, _P, _S, _M = (
    "jawOpen", "closure", "mouthFunnel", "mouthPucker", "mouthStretch", "mouthSmile",
)  # fmt: skip
_L, _U, _RL, _RU, _PR, _SL, _T = (
    "mouthLowerDown", "mouthUpperUp", "mouthRollLower", "mouthRollUpper", "mouthPress",
    "mouthShrugLower", "tongueOut",
)  # fmt: skip
_BILABIAL = {_J: 0.10, _C: 1.0, _PR: 0.25, _RL: 0.12, _RU: 0.12}
_LABIODENTAL = {_J: 0.10, _C: 0.35, _RL: 0.35, _SL: 0.15, _U: 0.15}
_DENTAL = {_J: 0.15, _L: 0.15, _T: 0.25}
_ALVEOLAR = {_J: 0.11, _L: 0.15, _U: 0.05}
_SIBILANT = {_J: 0.06, _S: 0.12, _L: 0.25, _U: 0.10}
_POSTALVEOLAR = {_J: 0.08, _F: 0.35, _P: 0.20, _L: 0.10}
_VELAR = {_J: 0.15, _L: 0.10}
_ROUND = {_J: 0.10, _F: 0.25, _P: 0.55}
_TARGETS: dict[str, dict[str, float]] = {
    SILENCE: {},
    "AA": {_J: 0.42, _L: 0.15, _U: 0.05}, "AE": {_J: 0.36, _S: 0.2, _L: 0.25, _U: 0.15},
    "AH": {_J: 0.24, _L: 0.12}, "AO": {_J: 0.34, _F: 0.3, _P: 0.15},
    "AW1": {_J: 0.40, _L: 0.15}, "AW2": {_J: 0.16, _F: 0.25, _P: 0.35},
    "AY1": {_J: 0.42, _L: 0.15}, "AY2": {_J: 0.16, _S: 0.2, _L: 0.2},
    "EH": {_J: 0.27, _S: 0.15, _L: 0.2, _U: 0.1}, "ER": {_J: 0.16, _F: 0.25, _P: 0.15},
    "EY1": {_J: 0.25, _S: 0.15, _L: 0.2}, "EY2": {_J: 0.12, _S: 0.25, _L: 0.2, _U: 0.1},
    "IH": {_J: 0.17, _S: 0.15, _L: 0.2, _U: 0.1},
    "IY": {_J: 0.10, _S: 0.3, _M: 0.1, _L: 0.25, _U: 0.12},
    "OW1": {_J: 0.28, _F: 0.25, _P: 0.2}, "OW2": {_J: 0.13, _F: 0.25, _P: 0.45},
    "OY1": {_J: 0.32, _F: 0.3, _P: 0.2}, "OY2": {_J: 0.14, _S: 0.2, _L: 0.2},
    "UH": {_J: 0.17, _F: 0.25, _P: 0.25}, "UW": _ROUND,
    "P": _BILABIAL, "B": _BILABIAL, "M": _BILABIAL, "F": _LABIODENTAL, "V": _LABIODENTAL,
    "TH": _DENTAL, "DH": _DENTAL, "T": _ALVEOLAR, "D": _ALVEOLAR, "N": _ALVEOLAR,
    "L": {_J: 0.18, _L: 0.15}, "S": _SIBILANT, "Z": _SIBILANT,
    "SH": _POSTALVEOLAR, "ZH": _POSTALVEOLAR, "CH": _POSTALVEOLAR, "JH": _POSTALVEOLAR,
    "K": _VELAR, "G": _VELAR, "NG": _VELAR, "HH": {_J: 0.2}, "Y": {_J: 0.1, _S: 0.2, _L: 0.15},
    "R": {_J: 0.12, _F: 0.25, _P: 0.25}, "W": {_J: 0.06, _F: 0.15, _P: 0.65},
}  # fmt: skip
_STRONG: dict[str, tuple[str, ...]] = {
    "closing": ("P", "B", "M", "F", "V"),
    "rounding": ("SH", "ZH", "CH", "JH", "W", "R", "UW", "OW2", "AO"),
    "jaw": ("S", "Z", "SH", "ZH", "CH", "JH", "AA", "AE", "AW1", "AY1"),
}
_WEAK = ("HH", "K", "G", "NG", "T", "D", "N", "AH")


def split(phones: tuple[Phone, ...]) -> list[Phone]:
    """Phones with every diphthong split into its two visemes."""
    out = []
    for phone in phones:
        halves = _DIPHTHONGS.get(phone.name)
        if halves is None:
            out.append(phone)
            continue
        middle = phone.start + _FIRST_SHARE * (phone.end - phone.start)
        out += [Phone(halves[0], phone.start, middle), Phone(halves[1], middle, phone.end)]
    return out


def initial_targets() -> NDArray[np.float32]:
    """``[V, 16]``: what each viseme asks of each control, 0 to 1."""
    targets = np.zeros((len(VISEMES), len(CONTROLS)), np.float32)
    for viseme, values in _TARGETS.items():
        for control, value in values.items():
            targets[VISEME_INDEX[viseme], CONTROL_INDEX[control]] = value
    return targets


def initial_dominance() -> NDArray[np.float32]:
    """``[V, 4]``: how much each viseme insists on each group of controls; 1 is usual."""
    dominance = np.ones((len(VISEMES), len(GROUPS)), np.float32)
    for viseme in _WEAK:
        dominance[VISEME_INDEX[viseme]] = 0.4
    for group, strong in _STRONG.items():
        for viseme in strong:
            dominance[VISEME_INDEX[viseme], GROUPS.index(group)] = (
                6.0 if group == "closing" else 3.0
            )
    return dominance
