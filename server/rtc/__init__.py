"""What aiortc 1.16.0 does not do for live talking faces, one correction per module.

All of them reach into private parts, so the version is pinned and each correction has a test that
fails when upstream changes. They act on single objects, never on aiortc's classes; only the consent
timing is a constant of a module.
"""

from __future__ import annotations

__all__ = ["UpstreamChanged", "private"]


class UpstreamChanged(RuntimeError):
    """The installed aiortc is not the one that these corrections were written for."""


def private(owner: object, name: str) -> str:
    """The attribute ``name`` of ``owner`` as Python mangles it; UpstreamChanged if it is gone."""
    mangled = f"_{type(owner).__name__}__{name}"
    if not hasattr(owner, mangled):
        raise UpstreamChanged(
            f"aiortc's {type(owner).__name__} has no private '{name}' any more, expected the one "
            "of aiortc 1.16.0: install that version"
        )
    return mangled
