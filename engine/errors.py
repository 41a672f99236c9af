"""Every error the engine raises on purpose.

::

    AvatarEngineError
    ├── BadInput                 the caller handed us something unusable: exit code 2, HTTP 4xx
    │   ├── BadPhoto             no face, several faces, profile, eyes shut, too small, truncated
    │   ├── BadAudio             empty, undecodable, NaN samples
    │   ├── BadBundle            not an .avatar, altered, from the future, hostile
    │   ├── BadCheckpoint        not a generator or encoder that we read, damaged, hostile
    │   ├── BadDevice            no such sound card, camera or display, or it can not be used
    │   ├── BadOffer             not an SDP offer, or one we can not answer
    │   ├── BadControl           a value that no face can be asked for
    │   └── NoDevice             the GPU that was asked for, or what it needs, is not there
    ├── MissingExtra             an optional dependency set is not installed: HTTP 501
    └── ModelMismatch            a model's names, shapes or metadata are not what the engine speaks

A message says what was got, what was expected and what to do, in that order.
"""

from __future__ import annotations

__all__ = [
    "AvatarEngineError",
    "BadAudio",
    "BadBundle",
    "BadCheckpoint",
    "BadControl",
    "BadDevice",
    "BadInput",
    "BadOffer",
    "BadPhoto",
    "MissingExtra",
    "ModelMismatch",
    "NoDevice",
]


class AvatarEngineError(Exception):
    """Root of all errors that the engine raises on purpose."""


class BadInput(AvatarEngineError):
    """The input can not be used; another input could."""


class BadPhoto(BadInput):
    """The identity photo or video can not become an avatar."""


class BadAudio(BadInput):
    """The sound can not be decoded or holds no usable samples."""


class BadBundle(BadInput):
    """The ``.avatar`` file is not one, was altered, or is of an unknown schema."""


class BadCheckpoint(BadInput):
    """The file holds no generator or encoder of a kind that is read, or more than one."""


class BadDevice(BadInput):
    """A sound card, a virtual camera or a display is not there or can not be used."""


class BadOffer(BadInput):
    """The body is no SDP offer, or holds nothing we can answer."""


class BadControl(BadInput):
    """A value of live control is out of its range, or has a name that nobody knows."""


class NoDevice(BadInput):
    """The device that was asked for is not there, or not all that it needs."""


class MissingExtra(AvatarEngineError):
    """An optional dependency set is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the '{extra}' extra, which is not installed: "
            f"pip install 'avatar-engine[{extra}]'"
        )
        self.extra = extra


class ModelMismatch(AvatarEngineError):
    """A model file does not speak the engine's contract."""
