"""Live control over a WebRTC data channel: JSON texts that steer a face and tell what it does.

The protocol is described in docs/control.md. Nothing of it is needed for a call: without a channel
the face is as the server was told to begin with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from aiortc import RTCDataChannel

from engine.audio import FRAME_SAMPLES, SAMPLE_RATE
from engine.clock import Clock
from engine.compositor import HEAD_LIMIT
from engine.control import HEAD_NAMES, RANGES, Control
from engine.errors import BadControl
from engine.motion import ARKIT, Motion
from server.metrics import SessionCounts
from server.rate import Allowed, RateLimit

__all__ = ["LABEL", "MOST_BYTES", "VERSION", "ControlChannel", "Request", "described", "understood"]

VERSION = 1
LABEL = "control"
MOST_BYTES = 4096  # of one text
_RATE = Allowed(burst=400, every_s=1 / 200)
# Bytes that may wait to be sent; of motion, which is late then, half a second at most.
_MOST_BUFFERED = 16_384
_MOST_BUFFERED_MOTION = 4_096
_SETTABLE = tuple(f.name for f in fields(Control) if f.name != "blinks")
_KEYS = ("reset", "set", "do", "motion", "get", "id")
_DEEDS = ("blink",)
_MOST_ID = 64


@dataclass(frozen=True)
class Request:
    """One text, understood.

    control: what is asked of the face from now on. motion: whether to send the motion of every
    frame, None to leave it as it is. answer: whether the client wants to hear what holds now.
    id: what the client called its text, sent back with the answer.
    """

    control: Control
    motion: bool | None = None
    answer: bool = False
    id: str | int | None = None


def described(control: Control) -> dict[str, Any]:
    """``control`` as JSON has it."""
    return {
        name: dict(value) if isinstance(value, Mapping) else value
        for name in _SETTABLE
        for value in [getattr(control, name)]
    }


def understood(text: str | bytes, control: Control, initial: Control) -> Request:
    """What ``text`` asks for, on top of ``control``. initial: what a reset goes back to.

    All of a text holds, or nothing: raises BadControl for what can not be taken as it is.
    """
    asked = _parsed(text)
    called = asked.get("id")
    named = isinstance(called, str) and len(called) <= _MOST_ID
    if called is not None and not named and type(called) is not int:
        raise BadControl(
            f"got an id {called!r:.40}, expected a whole number or at most {_MOST_ID} letters"
        )
    for key in asked:
        if key not in _KEYS:
            raise BadControl(f"got {key!r:.40}, expected one of {', '.join(_KEYS)}")
    control = _reset(asked.get("reset", False), control, initial)
    control = _set(asked.get("set", {}), control)
    if "do" in asked:
        if asked["do"] not in _DEEDS:
            raise BadControl(f"got do {asked['do']!r:.40}, expected {' or '.join(_DEEDS)}")
        control = replace(control, blinks=control.blinks + 1)
    motion, get = (asked.get(key) for key in ("motion", "get"))
    for key, value in (("motion", motion), ("get", get)):
        if not isinstance(value, bool | None):
            raise BadControl(f"got {key} {value!r:.40}, expected true or false")
    return Request(control, motion, bool(get) or called is not None, called)


def _parsed(text: str | bytes) -> dict[str, Any]:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "replace"))
    if isinstance(text, bytes):
        raise BadControl(f"got {size} bytes that are no text, expected a JSON object as text")
    if size > MOST_BYTES:
        raise BadControl(f"got a text of {size} bytes, expected at most {MOST_BYTES}")
    try:
        asked = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadControl(
            f"got {text!r:.40}, which is no JSON ({error}), expected an object like "
            '{"set": {"smile": 0.5}}'
        ) from error
    if not isinstance(asked, dict):
        raise BadControl(f"got {text!r:.40}, expected an object like {{'set': {{'smile': 0.5}}}}")
    return asked


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _reset(what: Any, control: Control, initial: Control) -> Control:
    """``what``: true for everything, or names."""
    if isinstance(what, bool):
        return replace(initial, blinks=control.blinks) if what else control
    if not isinstance(what, list) or not all(name in _SETTABLE for name in map(str, what)):
        raise BadControl(
            f"got reset {what!r:.40}, expected true or a list of {', '.join(_SETTABLE)}"
        )
    return replace(control, **{str(name): getattr(initial, str(name)) for name in what})


def _set(what: Any, control: Control) -> Control:
    if not isinstance(what, dict):
        raise BadControl(f"got set {what!r:.40}, expected names and values")
    changes: dict[str, Any] = {}
    for name, value in what.items():
        if name not in _SETTABLE:
            raise BadControl(f"got set of {name!r:.40}, expected one of {', '.join(_SETTABLE)}")
        if name in ("add", "override"):
            changes[name] = _merged(name, value, getattr(control, name))
        else:
            changes[name] = tuple(value) if isinstance(value, list) else value
    return replace(control, **changes)


def _merged(part: str, value: Any, before: Mapping[str, float]) -> dict[str, float]:
    """Named coefficients over those that hold already; null lets one go."""
    if not isinstance(value, dict):
        raise BadControl(f"got {part} {value!r:.40}, expected names and numbers, null to let go")
    both = {**before, **value}
    return {name: number for name, number in both.items() if number is not None}


class ControlChannel:
    """The control of one session: what its client asked for, and the channel to talk about it.

    Control is never dropped and never waits. Each text is taken when it comes and changes what
    holds for its keys, so the latest value wins; the face follows what holds at its next frame. A
    client that floods is told so, and its channel is closed.

    Motion waits for nobody: a frame that finds more than ``_MOST_BUFFERED_MOTION`` unsent is left
    out and counted. So is an answer beyond ``_MOST_BUFFERED``, for whoever reads nothing.

    rtp_time: RTP time of the picture of sample ``pts`` of 16 kHz, None as long as it is not known.
    """

    def __init__(
        self,
        initial: Control,
        clock: Clock,
        counts: SessionCounts,
        rtp_time: Callable[[int], int | None] = lambda pts: None,
    ) -> None:
        self.control = initial
        self._initial = initial
        self._rate = RateLimit(_RATE, clock)
        self._counts = counts
        self._rtp_time = rtp_time
        self._channel: RTCDataChannel | None = None
        self._streaming = False

    def open(self, channel: RTCDataChannel) -> None:
        """Talk over this channel from now on, and no longer over the one before."""
        before, self._channel = self._channel, channel
        self._streaming = False
        if before is not None:
            before.close()
        channel.on("message", lambda text: self.take(text) if channel is self._channel else None)
        self._say(
            {
                "version": VERSION,
                "control": described(self.control),
                "ranges": {name: list(ends) for name, ends in RANGES.items()},
                "coefficients": ARKIT,
                "head": HEAD_NAMES,
                "head_limit": round(float(HEAD_LIMIT), 4),
                "do": _DEEDS,
                "pts_rate": SAMPLE_RATE,
                "frame": FRAME_SAMPLES,
            }
        )

    def take(self, text: str | bytes) -> None:
        """One text of the client's."""
        if self._rate.wait_s(LABEL):
            self._counts.control_refused += 1
            self._say({"error": f"more than {1 / _RATE.every_s:.0f} texts a second: sent too fast"})
            if self._channel is not None:
                self._channel.close()
            self._channel = None
            return
        self._rate.take(LABEL)
        try:
            request = understood(text, self.control, self._initial)
        except BadControl as error:
            self._counts.control_refused += 1
            self._say({"error": str(error)} | _name_of(text))
            return
        self._counts.control_taken += 1
        self.control = request.control
        if request.motion is not None:
            self._streaming = request.motion
        if request.answer:
            named = {} if request.id is None else {"id": request.id}
            self._say(named | {"control": described(self.control), "motion": self._streaming})

    def tell(self, pts: int, motion: Motion) -> None:
        """Of the frame at sample ``pts`` of 16 kHz, if the client wants to know."""
        if not self._streaming:
            return
        told = self._say(
            {
                "pts": pts,
                "rtp": self._rtp_time(pts),
                "face": [round(x, 3) or 0 for x in motion.face.tolist()],  # 0 is shorter than 0.0
                "head": [round(x, 4) or 0 for x in motion.head.tolist()],
            },
            _MOST_BUFFERED_MOTION,
        )
        self._counts.motions_told += told
        self._counts.motions_left_out += not told

    def _say(self, what: dict[str, Any], most_buffered: int = _MOST_BUFFERED) -> bool:
        """Send it, or leave it out where the channel is closed or full."""
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return False
        if channel.bufferedAmount > most_buffered:
            return False
        channel.send(json.dumps(what, separators=(",", ":")))
        return True


def _name_of(text: str | bytes) -> dict[str, Any]:
    """The id of a text that was refused, as far as it has one."""
    try:
        called = _parsed(text).get("id")
    except BadControl:
        return {}
    good = type(called) is int or (isinstance(called, str) and len(called) <= _MOST_ID)
    return {"id": called} if good else {}
