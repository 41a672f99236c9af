"""``engine preview`` from its words to its settings, and how it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine.control import Control
from engine.preview import app, devices
from engine.preview.app import Settings
from tests.engine.cli.calls import Run, refused
from tests.engine.preview.cards import Cards


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings with which a preview would have run."""
    told: list[Settings] = []
    monkeypatch.setattr(app, "preview", lambda settings, say: told.append(settings))
    return told


def test_by_default_it_is_a_window_and_the_systems_microphone(
    run: Run, asked: list[Settings]
) -> None:
    assert run("preview")[0] == 0
    assert asked == [Settings()]


def test_every_option_arrives(run: Run, asked: list[Settings]) -> None:
    code, _, _ = run(
        "preview", "--avatar", "mei", "--avatar", "me.avatar", "--mic", "3",
        "--out-device", "CABLE", "--virtual-camera", "--camera-size", "640x480",
        "--file", "a.wav", "--headless",
        "--theme", "dark", "--seed", "7", "--expression", "1.5", "--liveliness", "0.5",
        "--head", "0.2", "--smile", "0.4", "--brow", "-0.1", "--eyes", "0.3",
        "--gaze", "0.5", "-1",
    )  # fmt: skip
    assert code == 0
    control = Control(
        expression=1.5, liveliness=0.5, head=0.2, smile=0.4, brow=-0.1, eyes=0.3, gaze=(0.5, -1.0)
    )
    assert asked == [
        Settings(("mei", "me.avatar"), "3", "CABLE", "", (640, 480), Path("a.wav"), True, "dark", 7,
                 control)
    ]  # fmt: skip


def test_naming_a_camera_is_asking_for_it(run: Run, asked: list[Settings]) -> None:
    run("preview", "--camera-device", "/dev/video10")
    assert asked[0].camera == "/dev/video10"


def test_devices_are_listed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "PortAudio", lambda clock: Cards())
    code, out, _ = run("preview", "--list-devices")
    assert code == 0
    assert "3  USB Headset" in out


def test_ctrl_c_is_how_it_ends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(settings: Settings, say: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "preview", interrupted)
    assert run("preview") == (0, "", "stopped\n")


def test_what_it_can_not_do_is_said_in_one_line(
    run: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refused(run("preview", "--camera-size", "huge"), "'huge'")
    refused(run("preview", "--headless"), "--virtual-camera")
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    ran = run("preview", "--avatar", bundle, "--virtual-camera", "--headless", "--file", "x.wav")
    assert ran[0] == 2
    assert "pip install 'avatar-engine[camera]'" in ran[2]
