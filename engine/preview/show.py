"""The whole preview but for its window: threads, devices, and the pure parts between them.

::

    microphone or file -> Capture -+-> Performer -> camera, window
                                   +-> Playback  -> loudspeaker

Three threads of our own: one performs, one tends the sound cards, one loads avatars. Sound cards
call from threads of theirs. The window asks for the ``status`` and the last picture when it likes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread

from engine.clock import Clock
from engine.control import NEUTRAL, Control
from engine.errors import AvatarEngineError
from engine.live.budget import Budget
from engine.motion import Motion
from engine.pipeline import Pipeline
from engine.preview import level
from engine.preview.camera import Camera
from engine.preview.capture import Capture
from engine.preview.devices import Device, SoundCards
from engine.preview.performer import Performer, Picture
from engine.preview.schedule import Schedule
from engine.preview.sound import Sound, delay_ms
from engine.preview.source import FileSource
from engine.preview.wardrobe import Wardrobe

__all__ = ["Show", "Status", "drawing_ms"]

logger = logging.getLogger(__name__)

_TEND_S = 0.25
_WARM_UP_DRAWINGS = 8


@dataclass(frozen=True)
class Status:
    """What the window shows. level: 0 to 1. delay_ms: from microphone to picture. dropped: pictures
    that were skipped. trouble: one sentence, or nothing. ended: the file has been played."""

    fps: float
    delay_ms: float
    draw_ms: float
    level: float
    muted: bool
    avatar: str
    loading: str
    microphone: str
    output: str
    camera: str
    shown: int
    dropped: int
    trouble: str
    ended: bool
    failed: bool

    @property
    def still(self) -> Status:
        """Without what changes with every picture."""
        return replace(self, fps=0, delay_ms=0, draw_ms=0, level=0, shown=0, dropped=0)


def drawing_ms(pipeline: Pipeline, clock: Clock) -> float:
    """How long one picture takes, the slowest of a few; warms every cache as well."""
    taken = []
    for _ in range(_WARM_UP_DRAWINGS + 2):
        began = clock.now_ns()
        pipeline.draw(Motion())
        taken.append((clock.now_ns() - began) / 1e6)
    return max(taken[2:])


class Show:
    """One avatar, live. ``start`` it, and ``close`` it within a second.

    cards:  None where there are none; then the face lives without a voice.
    camera: where pictures go besides the window, or None.
    file:   a sound file in place of the microphone.
    trouble: what is wrong with the sound from the beginning.
    """

    def __init__(
        self,
        wardrobe: Wardrobe,
        clock: Clock,
        cards: SoundCards | None = None,
        camera: Camera | None = None,
        file: Path | None = None,
        seed: int = 0,
        control: Control = NEUTRAL,
        trouble: str = "",
    ) -> None:
        """Raises BadBundle for an avatar, BadAudio for a file that can not be used."""
        self._clock = clock
        self._cards = cards
        self._camera = camera
        self.wardrobe = wardrobe
        self._wanted = wardrobe.names[0]
        pipeline = wardrobe.load(self._wanted)
        budget = Budget.of(pipeline.look_ahead_samples, drawing_ms(pipeline, clock))
        schedule = Schedule(clock.now_ns(), round(delay_ms(budget, 0.0) * 1e6))
        self._capture = Capture(clock, schedule, pipeline.look_ahead_samples, budget.allowance_ms)
        self._performer = Performer(
            pipeline, self._capture, clock, self._picture, budget.allowance_ms, seed, control
        )
        self._woken = Event()
        self._capture.on_sound = self._woken.set
        self.sound = Sound(cards, self._capture, clock, budget, trouble)
        self._file = None if file is None else FileSource(file, clock, self._capture.hear)
        self._worn = self._wanted
        self._troubles: dict[str, str] = {}
        self._failed = False
        self._closed = Event()
        self.picture: Picture | None = None  # the last one that was let go
        self._threads = [
            Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (
                ("preview performer", self._perform),
                ("preview sound", self._tend),
                ("preview wardrobe", wardrobe.load_all),
            )
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
        if self._file is not None:
            self._file.start()

    def close(self) -> None:
        """Stop everything and give devices back."""
        self._closed.set()
        self._woken.set()
        self.wardrobe.close()
        if self._file is not None:
            self._file.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self.sound.close()
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def mute(self, muted: bool) -> None:
        """Muted, the face is silent and so is the voice that a call hears."""
        self._capture.muted = muted

    @property
    def control(self) -> Control:
        return self._performer.control

    def steer(self, control: Control) -> None:
        """From the next picture on the face goes towards this."""
        self._performer.control = control

    def blink(self) -> None:
        """Once, now."""
        self.steer(replace(self.control, blinks=self.control.blinks + 1))

    def wear(self, name: str) -> None:
        """Another avatar, as soon as it is loaded; the one before stays until then."""
        self._wanted = name
        Thread(target=self._guarded, args=(lambda: self._put_on(name),), daemon=True).start()

    def status(self) -> Status:
        """As it is now."""
        counts = self._performer.counts
        wished = {kind: self.sound.wished(kind) for kind in ("microphone", "output")}
        return Status(
            fps=self._performer.fps,
            delay_ms=self._capture.delay_ms,
            draw_ms=self._performer.draw_ms,
            level=level.share(self._capture.level_db),
            muted=self._capture.muted,
            avatar=self._worn,
            loading=self._wanted if self._wanted != self._worn else "",
            microphone=_name(wished["microphone"]),
            output=_name(wished["output"]),
            camera=self._camera.name if self._camera else "",
            shown=counts.shown,
            dropped=counts.skipped,
            trouble=next(iter(self._troubles.copy().values()), "") or self.sound.trouble,
            ended=self._file is not None and self._file.ended,
            failed=self._failed,
        )

    def _put_on(self, name: str) -> None:
        try:
            pipeline = self.wardrobe.load(name)
        except AvatarEngineError as error:
            self._troubles["avatar"] = str(error)
            self._wanted = self._worn
            return
        self._troubles.pop("avatar", None)
        if self._wanted == name:  # not another one meanwhile
            self._performer.pipeline, self._worn = pipeline, name

    def _picture(self, picture: Picture) -> None:
        if self._camera is not None:
            try:
                self._camera.send(picture.image)
            except AvatarEngineError as error:
                self._troubles["camera"] = str(error)
                self._camera = None
        self.picture = picture

    def _perform(self) -> None:
        while not self._closed.is_set():
            self._woken.clear()
            ahead_s = (self._performer.work() - self._clock.now_ns()) / 1e9
            if ahead_s > 0:
                self._woken.wait(ahead_s)

    def _tend(self) -> None:
        while not self._closed.is_set():
            self.sound.tend()
            self._closed.wait(_TEND_S)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # a thread's own: nobody else would see what went wrong
            logger.exception("the preview failed")
            self._failed = True


def _name(device: Device | None) -> str:
    return device.name if device is not None else ""
