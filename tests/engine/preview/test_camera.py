"""What calls see, and what is said where there is no camera to be one."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from engine.errors import BadDevice, MissingExtra
from engine.preview.camera import VirtualCamera, filled
from tests.bundles import photo


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (256, 256), (128, 128), (240, 640)])
@pytest.mark.parametrize("shape", [(128, 128), (128, 96), (512, 640)])
def test_the_whole_face_is_in_the_middle(size: tuple[int, int], shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 200, np.uint8)
    out = filled(image, *size)
    assert out.shape == (size[1], size[0], 3)
    assert out.flags.c_contiguous
    scale = min(size[0] / shape[1], size[1] / shape[0])
    bright = (out == 200).all(-1)
    rows, columns = bright.any(1), bright.any(0)
    assert abs(rows.sum() - scale * shape[0]) <= 1
    assert abs(columns.sum() - scale * shape[1]) <= 1
    assert bright[size[1] // 2, size[0] // 2]


def test_of_its_own_size_it_is_left_alone() -> None:
    image = photo(256, 256)
    np.testing.assert_array_equal(filled(image, 256, 256), image)


def test_beside_it_is_no_black() -> None:
    out = filled(photo(128, 128) // 2 + 60, 640, 360)
    assert out[:, :100].min() > 20


class Pyvirtualcam(ModuleType):
    """In place of the library; error: what its backends throw."""

    def __init__(self, error: str = "") -> None:
        super().__init__("pyvirtualcam")
        self.frames: list[np.ndarray] = []
        module = self

        class Camera:
            def __init__(self, width: int, height: int, fps: float, **more: Any) -> None:
                if error:
                    raise RuntimeError(error)
                self.asked, self.device = (
                    (width, height, fps, more),
                    more["device"] or "/dev/video7",
                )

            def send(self, frame: np.ndarray) -> None:
                if self.device == "gone":
                    raise OSError("No such device")
                module.frames.append(frame)

            def close(self) -> None:
                module.frames.clear()

        self.Camera = Camera


def test_it_sends_what_programs_see(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Pyvirtualcam()
    monkeypatch.setitem(sys.modules, "pyvirtualcam", library)
    camera = VirtualCamera(320, 180)
    assert camera.name == "/dev/video7"
    camera.send(photo(128, 128))
    assert [f.shape for f in library.frames] == [(180, 320, 3)]
    camera.close()
    assert not library.frames


def test_without_a_driver_it_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", Pyvirtualcam("'x' backend:\n no device"))
    for system, remedy in (("linux", "modprobe v4l2loopback"), ("win32", "OBS"), ("darwin", "OBS")):
        monkeypatch.setattr(sys, "platform", system)
        with pytest.raises(BadDevice, match=f"expected .*{remedy}") as told:
            VirtualCamera(320, 180)
        assert "\n" not in str(told.value)
    with pytest.raises(BadDevice, match="/dev/video3 could not be opened"):
        VirtualCamera(320, 180, "/dev/video3")


def test_a_camera_that_goes_while_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", Pyvirtualcam())
    with pytest.raises(BadDevice, match="gone"):
        VirtualCamera(320, 180, "gone").send(photo(128, 128))


def test_without_the_extra_its_install_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(MissingExtra, match=r"pip install 'avatar-engine\[camera\]'"):
        VirtualCamera(320, 180)


def test_with_the_real_library_and_a_camera_that_records() -> None:
    reason = "did not run: pyvirtualcam is not installed (GPL-2.0, the extra 'camera')"
    pyvirtualcam = pytest.importorskip("pyvirtualcam", reason=reason)
    sent: list[np.ndarray] = []

    class Recorder:
        def __init__(self, **told: Any) -> None:
            self.told = told

        def close(self) -> None: ...

        def send(self, frame: np.ndarray) -> None:
            sent.append(frame.copy())

        def device(self) -> str:
            return "recorder"

        def native_fourcc(self) -> None: ...

    backends = dict(pyvirtualcam.camera.BACKENDS)
    pyvirtualcam.camera.BACKENDS.clear()
    pyvirtualcam.register_backend("recorder", Recorder)
    try:
        camera = VirtualCamera(320, 180)
        camera.send(photo(128, 128))
        camera.close()
    finally:
        pyvirtualcam.camera.BACKENDS.clear()
        pyvirtualcam.camera.BACKENDS.update(backends)
    np.testing.assert_array_equal(sent[0].reshape(180, 320, 3), filled(photo(128, 128), 320, 180))
