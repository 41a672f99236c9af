"""Who goes into whom."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RECIPES", "Recipe"]

Gain = tuple[float, float, float]
Spot = tuple[float, float, float]


@dataclass(frozen=True)
class Recipe:
    """One person who does not exist; people are named by the file stems of ``portraits/``.

    faces:  who gives shape and skin, equal parts. mouths: who gives the mouth; all have it closed.
    donor:  who gives hair, ears, neck and clothes, and nothing of the face.
    hair, clothes, grade: RGB gains, the last of the whole person. paper: 8-bit RGB tone of the
    backdrop.
    spots, clear: what is painted out, and cleared to paper, as x, y, radius in picture sides.
    """

    title: str
    faces: tuple[str, ...]
    mouths: tuple[str, ...]
    donor: str
    mirrored: bool = True
    hair: Gain = (1.0, 1.0, 1.0)
    clothes: Gain = (1.0, 1.0, 1.0)
    grade: Gain = (1.0, 1.0, 1.0)
    paper: tuple[int, int, int] = (160, 160, 160)
    spots: tuple[Spot, ...] = ()
    clear: tuple[Spot, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Everyone whose face is in it, each once."""
        return tuple(dict.fromkeys((*self.faces, *self.mouths)))


def _people(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_JONAS = _people("A000148 G000592 M001222 K000398 H001047 M001226 P000616")
_HENRIK = _people("C001055 J000302 M001224 S001183 P000608 V000133 C001114 L000562")

RECIPES = {
    "clara": Recipe(
        "Clara",
        _people("O000172 S001218 D000631 G000582 B001300 S001208 M000194 E000299"),
        _people("O000172 S001218 D000631 G000582 W000812"),
        "J000305",
        hair=(1.08, 1.0, 0.95),
        grade=(1.03, 1.0, 0.94),
        paper=(170, 166, 160),
        spots=((0.440, 0.702, 0.010),),
    ),
    "jonas": Recipe(
        "Jonas",
        _JONAS,
        _JONAS,
        "M001220",
        hair=(1.12, 0.98, 0.84),
        clothes=(0.92, 1.0, 1.18),
        paper=(150, 158, 166),
        spots=((0.731, 0.614, 0.018),),
    ),
    "amara": Recipe(
        "Amara",
        _people("F000477 C001130 P000617 B001313 M001160 L000602 O000173"),
        _people("F000477 M001160 K000400 J000298 O000172"),
        "B001303",
        hair=(0.95, 0.92, 0.92),
        clothes=(0.72, 0.90, 1.10),
        paper=(178, 162, 144),
        spots=((0.288, 0.962, 0.042),),
        clear=((0.125, 0.760, 0.045),),
    ),
    "malik": Recipe(
        "Malik",
        _people("T000486 J000294 J000307 H001095 A000380 D000230 N000191"),
        _people("T000486 J000288 T000488 L000598"),
        "A000376",
        clothes=(0.92, 1.0, 1.15),
        grade=(1.0, 0.98, 0.95),
        paper=(156, 150, 142),
    ),
    "mei": Recipe(
        "Mei",
        _people("K000397 T000474 T000487 B001300 J000298 M000194 L000596"),
        _people("J000298 O000172 D000631 S001218 S000929"),
        "P000619",
        hair=(0.90, 0.90, 0.94),
        clothes=(0.90, 0.97, 1.05),
        paper=(150, 162, 158),
    ),
    "rafael": Recipe(
        "Rafael",
        _people("L000598 L000570 S001200 C001118 G000595 A000371 G000598 K000389"),
        _people("L000598 L000570 S001200 G000595"),
        "D000632",
        hair=(1.08, 1.0, 0.92),
        clothes=(0.98, 1.0, 1.06),
        paper=(164, 158, 152),
    ),
    "henrik": Recipe(
        "Henrik",
        _HENRIK,
        _HENRIK,
        "F000472",
        hair=(1.04, 1.02, 1.0),
        clothes=(1.05, 1.0, 0.95),
        paper=(146, 152, 160),
        clear=((0.247, 0.835, 0.016),),
    ),
}
