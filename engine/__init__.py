"""The run time: sound in, frames out. No torch, no asyncio, no wall clock.

What a program needs is here by name: ``from engine import Avatar, Pipeline``. Each name is loaded
when it is first used (PEP 562), so that ``import engine`` alone costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same as below, for type checkers and editors
    from engine.audio import FRAME_SAMPLES as FRAME_SAMPLES
    from engine.audio import SAMPLE_RATE as SAMPLE_RATE
    from engine.audio import Resampler as Resampler
    from engine.audio import decode as decode
    from engine.avatar import Avatar as Avatar
    from engine.avatar import builtin_avatars as builtin_avatars
    from engine.avatar import find_avatar as find_avatar
    from engine.control import NEUTRAL as NEUTRAL
    from engine.control import Control as Control
    from engine.errors import AvatarEngineError as AvatarEngineError
    from engine.errors import BadInput as BadInput
    from engine.motion import ARKIT as ARKIT
    from engine.motion import Motion as Motion
    from engine.motion import coefficients as coefficients
    from engine.pipeline import Pipeline as Pipeline
    from engine.pipeline import PipelineState as PipelineState
    from engine.pipeline import TimedFrame as TimedFrame
    from engine.pipeline import TimedMotion as TimedMotion
    from engine.speech import SpeechModel as SpeechModel

__all__ = [
    "ARKIT",
    "FRAME_SAMPLES",
    "NEUTRAL",
    "SAMPLE_RATE",
    "Avatar",
    "AvatarEngineError",
    "BadInput",
    "Control",
    "Motion",
    "Pipeline",
    "PipelineState",
    "Resampler",
    "SpeechModel",
    "TimedFrame",
    "TimedMotion",
    "builtin_avatars",
    "coefficients",
    "decode",
    "find_avatar",
]

if not TYPE_CHECKING:  # hidden from type checkers: to them every name would exist
    _HOME = {
        "ARKIT": "motion",
        "FRAME_SAMPLES": "audio",
        "NEUTRAL": "control",
        "SAMPLE_RATE": "audio",
        "Avatar": "avatar",
        "AvatarEngineError": "errors",
        "BadInput": "errors",
        "Control": "control",
        "Motion": "motion",
        "Pipeline": "pipeline",
        "PipelineState": "pipeline",
        "Resampler": "audio",
        "SpeechModel": "speech",
        "TimedFrame": "pipeline",
        "TimedMotion": "pipeline",
        "builtin_avatars": "avatar",
        "coefficients": "motion",
        "decode": "audio",
        "find_avatar": "avatar",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module 'engine' has no attribute {name!r}")
        return getattr(import_module(f"engine.{_HOME[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
