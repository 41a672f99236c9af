from __future__ import annotations

import av

from server.frames import FrameShelf


def frame() -> av.VideoFrame:
    return av.VideoFrame(16, 16, "yuv420p")


def test_each_at_its_time() -> None:
    rest, first, second = frame(), frame(), frame()
    shelf = FrameShelf(rest)
    shelf.put(0, first)
    shelf.put(640, second)
    assert shelf.take(0) == (first, True)
    assert shelf.take(640) == (second, True)


def test_the_previous_one_where_one_is_missing() -> None:
    rest, first = frame(), frame()
    shelf = FrameShelf(rest)
    assert shelf.take(0) == (rest, False)
    shelf.put(640, first)
    assert shelf.take(640) == (first, True)
    assert shelf.take(1280) == (first, False)


def test_a_late_one_is_shown_where_it_is_the_newest_and_never_before_a_newer() -> None:
    late, newer, later = frame(), frame(), frame()
    shelf = FrameShelf(frame())
    shelf.take(640)
    shelf.put(640, late)
    assert shelf.take(1280) == (late, False)
    shelf.put(1920, newer)
    assert shelf.take(1920) == (newer, True)
    shelf.put(1280, later)
    assert shelf.take(2560) == (newer, False)


def test_is_bounded_and_forgets_the_oldest() -> None:
    shelf, frames = FrameShelf(frame()), [frame() for _ in range(100)]
    for n, each in enumerate(frames):
        shelf.put(n * 640, each)
    assert shelf.take(91 * 640)[1] is False
    assert shelf.take(92 * 640) == (frames[92], True)
