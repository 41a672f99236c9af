"""The doctor names what is missing and the command that brings it."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from engine import avatar as avatar_module
from engine import bench, doctor, gpu
from engine.doctor import Check, cure, examine
from engine.errors import BadDevice
from engine.preview import devices
from engine.runtime import cuda
from tests import bundles
from tests.engine.preview.cards import Cards


def found(what: str) -> Check:
    return next(check for check in examine() if check.what.startswith(what))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small avatar."""
    folder = tmp_path_factory.mktemp("built-in")
    bundles.bundle(folder / "nobody.avatar")
    return folder


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, one: Path) -> None:
    """One small avatar instead of the built-in ones; "all is well here" takes them all."""
    if request.function is not test_all_is_well_here:
        monkeypatch.setattr(avatar_module, "_BUILTIN", one)


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Package -> version that the doctor sees; None: not installed."""
    told: dict[str, str | None] = {}
    real = metadata.version

    def version(package: str) -> str:
        if package not in told:
            return real(package)
        if (value := told[package]) is None:
            raise metadata.PackageNotFoundError(package)
        return value

    monkeypatch.setattr(doctor.metadata, "version", version)
    return told


def test_all_is_well_here() -> None:
    checks = examine()
    assert all(check.passed for check in checks if check.needed)
    assert {"Python", "onnxruntime", "OpenCV", "speech model"} <= {check.what for check in checks}
    assert not any(check.remedy for check in checks if check.passed)


def test_python_too_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    check = found("Python")
    assert not check.passed
    assert "3.12" in check.remedy


def test_no_onnxruntime(versions: dict[str, str | None]) -> None:
    versions |= {"onnxruntime": None, "onnxruntime-gpu": None}
    check = found("onnxruntime")
    assert not check.passed
    assert check.remedy == "pip install 'avatar-engine[cpu]'"
    assert "speech model" not in {c.what for c in examine()}, "it could not be looked at"


def test_both_onnxruntimes(versions: dict[str, str | None]) -> None:
    versions |= {"onnxruntime": "1.20", "onnxruntime-gpu": "1.20"}
    check = found("onnxruntime")
    assert not check.passed
    assert "overwrite each other" in check.finding
    assert "uninstall" in check.remedy


def test_an_opencv_that_can_not_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    check = found("OpenCV")
    assert not check.passed
    assert "libgl1" in check.remedy
    assert "opencv-python-headless==" in check.remedy


def test_without_export_all_else_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    for what, extra in (("quick", "photo"), ("tuned", "export"), ("photos as", "heic")):
        check = found(what)
        assert not check.passed
        assert not check.needed
        assert check.remedy == f"pip install 'avatar-engine[{extra}]'"
        assert ("CPU build" in check.finding) is (extra == "export" and sys.platform == "linux")


def test_a_damaged_avatar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundles.bundle(tmp_path / "good.avatar")
    bundles.bundle(tmp_path / "bad.avatar", schema=9)
    monkeypatch.setattr(avatar_module, "_BUILTIN", tmp_path)
    assert found("built-in avatars").passed
    assert found("built-in avatars").finding == "good"
    assert not found("avatar bad").passed
    assert "schema 9" in found("avatar bad").finding


def test_how_fast_this_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for each, passed in ((15.0, True), (55.0, False)):
        monkeypatch.setattr(bench, "frame_milliseconds", lambda avatar, each=each: each)
        check = found("speed")
        assert check.passed is passed
        assert not check.needed
        assert f"{each:.0f} ms of one core for a frame now, 40 ms are there" in check.finding
        assert ("--size 256" in check.finding) is not passed


def test_one_command_brings_all_extras() -> None:
    def lacking(remedy: str) -> Check:
        return Check("it", False, "not there", remedy)

    extras = [lacking(f"pip install 'avatar-engine[{extra}]'") for extra in ("photo", "heic")]
    assert cure([Check("it", True, "there")]) == []
    assert cure([extras[0], lacking("use Python 3.12"), extras[1]]) == [
        "use Python 3.12",
        "pip install 'avatar-engine[photo,heic]'",
    ]


def test_without_the_preview_extra_or_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    check = doctor._sound()
    assert check.remedy == "pip install 'avatar-engine[preview]'"
    assert not check.needed
    assert doctor._window().remedy == "apt install python3-tk"
    assert doctor._camera().remedy == "pip install 'avatar-engine[camera]'"


@pytest.mark.parametrize("count", [0, 2])
def test_microphones_are_counted(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    cards = Cards()
    cards.there = cards.there[:count]
    monkeypatch.setattr(devices, "PortAudio", lambda clock: cards)
    check = doctor._sound()
    assert check.finding == f"{count} microphones, 2 outputs"
    assert (check.passed, bool(check.remedy)) == (count > 0, count == 0)


def test_the_system_is_asked_for_a_library_a_display_and_a_driver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, versions: dict[str, str | None]
) -> None:
    def missing(clock: object) -> object:
        raise BadDevice("the library PortAudio is not installed, expected it")

    monkeypatch.setattr(devices, "PortAudio", missing)
    assert doctor._sound().remedy == "apt install libportaudio2"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(doctor, "find_spec", lambda name: name)
    monkeypatch.setattr(doctor, "_VIRTUAL_VIDEO", tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "--headless" in doctor._window().remedy
    versions["pyvirtualcam"] = "0.15"
    assert "modprobe v4l2loopback" in doctor._camera().remedy
    (tmp_path / "video10").mkdir()
    monkeypatch.setenv("DISPLAY", ":0")
    assert doctor._camera().passed
    assert doctor._window().passed


def of_gpu(what: str) -> Check:
    return next(check for check in doctor._gpu() if check.what == what)


def test_no_gpu_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "find_gpu", lambda: "no NVIDIA driver: nvidia-smi is not there")
    check = of_gpu("a GPU")
    assert check.passed
    assert "drawn by the CPU" in check.finding
    assert len(doctor._gpu()) == 1, "nothing is asked of what could not be used"


def test_a_driver_too_old_for_cuda_13(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "find_gpu", lambda: gpu.Gpu("NVIDIA L4", "535.104.05", 23034))
    check = of_gpu("a GPU")
    assert not check.passed
    assert not check.needed
    assert check.remedy == "install an NVIDIA driver of 580 or newer"


def test_a_gpu_and_the_wheel_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "find_gpu", lambda: gpu.Gpu("NVIDIA L4", "580.95.05", 23034))
    monkeypatch.setattr(cuda, "has_cuda", lambda: False)
    assert of_gpu("a GPU").finding == "NVIDIA L4, 23034 MB, driver 580.95.05"
    assert "uninstall onnxruntime" in of_gpu("CUDA").remedy
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert of_gpu("TensorRT").remedy == "pip install 'avatar-engine[tensorrt]'"


def test_a_cuda_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime says nothing of it and uses the CPU."""
    monkeypatch.setattr(gpu, "find_gpu", lambda: gpu.Gpu("NVIDIA L4", "580.95.05", 23034))
    monkeypatch.setattr(cuda, "has_cuda", lambda: True)
    monkeypatch.setattr(doctor, "_loads", lambda name: "cudnn" not in name)
    check = of_gpu("CUDA")
    assert not check.passed
    assert check.finding == "without libcudnn.so.9: the CPU would be used"
    assert check.remedy == "pip install 'onnxruntime-gpu[cuda,cudnn]'"
    monkeypatch.setattr(doctor, "_loads", lambda name: True)
    assert of_gpu("CUDA").passed
