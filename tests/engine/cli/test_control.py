"""What ``engine render`` and ``engine serve`` make of the options that steer a face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import engine.render
import server.app
from engine.control import NEUTRAL, Control
from server.app import Settings
from tests.engine.cli.calls import Run, refused


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Control]:
    """The controls of the renders, which do not happen."""
    controls: list[Control] = []

    def render(*_: Any, control: Control, **__: Any) -> int:
        controls.append(control)
        return 1

    monkeypatch.setattr(engine.render, "render", render)
    return controls


def test_render_is_steered(run: Run, bundle: Path, sound: Path, rendered: list[Control]) -> None:
    call = ("render", "--avatar", bundle, "--audio", sound, "--out", "out.mp4")
    assert run(*call)[0] == 0
    mimic = ("--smile", 0.4, "--brow", -0.2, "--eyes", 0.1, "--expression", 1.5)
    options = (*mimic, "--head", 0, "--gaze", -0.5, 0.25)
    assert run(*call, *options)[0] == 0
    assert rendered == [
        NEUTRAL,
        Control(smile=0.4, brow=-0.2, eyes=0.1, head=0.0, expression=1.5, gaze=(-0.5, 0.25)),
    ]


def test_a_gaze_out_of_reach_is_refused(run: Run, bundle: Path, sound: Path) -> None:
    ran = run("render", "--avatar", bundle, "--audio", sound, "--out", "x.mp4", "--gaze", 2, 0)
    refused(ran, "got gaze 2.0, expected a number from -1 to 1")


def test_serve_begins_as_it_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr(server.app, "serve", lambda _, settings, *__, **___: asked.append(settings))
    assert run("serve", "--smile", 0.3, "--head", 0.5)[0] == 0
    assert asked[0].control == Control(smile=0.3, head=0.5)
