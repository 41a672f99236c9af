"""What can run here, what is missing, and the command that brings it.

What may be missing is imported by the check that looks for it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from engine.errors import AvatarEngineError, BadDevice, MissingExtra

__all__ = ["Check", "cure", "examine"]

_FRAME_MS = 40
_CUDA_13_DRIVER = 580
_CUDA_LIBRARIES = ("libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcudnn.so.9")
_VIRTUAL_VIDEO = Path("/sys/devices/virtual/video4linux")  # where v4l2loopback's cameras are
_EXTRA = re.compile(r"pip install 'avatar-engine\[([a-z]+)\]'")


@dataclass(frozen=True)
class Check:
    """needed: without it the engine does not run at all."""

    what: str
    passed: bool
    finding: str
    remedy: str = ""
    needed: bool = True


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def examine() -> list[Check]:
    """All checks, most fundamental first."""
    python = sys.version_info[:2]
    checks = [
        Check(
            "Python",
            (3, 11) <= python < (3, 13),
            platform.python_version(),
            "" if (3, 11) <= python < (3, 13) else "use Python 3.11 or 3.12",
        )
    ]
    cpu, cuda = _version("onnxruntime"), _version("onnxruntime-gpu")
    if cpu and cuda:
        checks.append(
            Check(
                "onnxruntime",
                False,
                f"{cpu} and onnxruntime-gpu {cuda} overwrite each other",
                "pip uninstall onnxruntime onnxruntime-gpu, then install one of the two",
            )
        )
    else:
        checks.append(
            Check(
                "onnxruntime",
                bool(cpu or cuda),
                cpu or cuda or "not installed",
                "" if cpu or cuda else "pip install 'avatar-engine[cpu]'",
            )
        )
    checks.append(_opencv())
    if all(check.passed for check in checks):
        checks += [_speech(), *_avatars()]
    checks.append(_extra("quick avatars from photos", ("mediapipe", "onnx"), "photo"))
    checks.append(_extra("tuned avatars, from videos too", ("torch", "onnxscript"), "export"))
    checks.append(_extra("photos as iPhones store them", ("pillow_heif",), "heic"))
    checks += [_sound(), _window(), _camera(), *_gpu()]
    return checks


def cure(checks: Sequence[Check]) -> list[str]:
    """The commands that bring what is missing; all extras in one."""
    remedies = [check.remedy for check in checks if check.remedy]
    extras = [match[1] for remedy in remedies if (match := _EXTRA.fullmatch(remedy))]
    others = [remedy for remedy in remedies if not _EXTRA.fullmatch(remedy)]
    return others + ([f"pip install 'avatar-engine[{','.join(extras)}]'"] if extras else [])


def _extra(what: str, packages: tuple[str, ...], extra: str) -> Check:
    """Whether all packages of an extra are there; found are their versions."""
    missing = [name for name in packages if find_spec(name) is None]
    found = ", ".join(f"{name} {_version(name)}" for name in packages)
    lacking = f"without {', '.join(missing)}"
    if "torch" in missing and sys.platform == "linux":
        lacking += "; install the CPU build of torch first, or pip takes gigabytes: see README.md"
    return Check(
        what,
        not missing,
        lacking if missing else found,
        f"pip install 'avatar-engine[{extra}]'" if missing else "",
        needed=False,
    )


def _gpu() -> list[Check]:
    """The driver, the wheel, CUDA's own libraries and TensorRT; nothing more without a driver."""
    from engine.gpu import find_gpu
    from engine.runtime.cuda import has_cuda

    gpu = find_gpu()
    if isinstance(gpu, str):
        remedy = "" if "is not there" in gpu else "install or restart the NVIDIA driver"
        return [Check("a GPU", not remedy, f"{gpu}; faces are drawn by the CPU", remedy, False)]
    found = f"{gpu.name}, {gpu.memory_mb} MB, driver {gpu.driver}"
    release = gpu.driver.split(".")[0]
    new = release.isdecimal() and int(release) >= _CUDA_13_DRIVER
    remedy = "" if new else f"install an NVIDIA driver of {_CUDA_13_DRIVER} or newer"
    checks = [Check("a GPU", new, found, remedy, needed=False)]
    if has_cuda():
        missing = _missing_cuda_libraries()
        checks.append(
            Check(
                "CUDA",
                not missing,
                f"without {', '.join(missing)}: the CPU would be used" if missing else "all of it",
                "pip install 'onnxruntime-gpu[cuda,cudnn]'" if missing else "",
                needed=False,
            )
        )
    else:
        remedy = "pip uninstall onnxruntime, then pip install 'avatar-engine[cuda]'"
        checks.append(Check("CUDA", False, "onnxruntime is the one without", remedy, False))
    return [*checks, _extra("TensorRT", ("tensorrt", "cuda"), "tensorrt")]


def _missing_cuda_libraries() -> list[str]:
    """Of those that onnxruntime-gpu needs; it falls back to the CPU in silence without one."""
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    return [name for name in _CUDA_LIBRARIES if not _loads(name)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _sound() -> Check:
    """For `engine preview`."""
    from engine.clock import MonotonicClock
    from engine.preview.devices import PortAudio

    what = "microphones (preview)"
    try:
        cards = PortAudio(MonotonicClock())
        inputs, outputs = cards.inputs(), cards.outputs()
    except MissingExtra:
        return _extra(what, ("sounddevice",), "preview")
    except BadDevice as error:
        return Check(what, False, str(error), "apt install libportaudio2", needed=False)
    found = f"{len(inputs)} microphones, {len(outputs)} outputs"
    remedy = "" if inputs else "plug one in, or allow terminals to use it in the privacy settings"
    return Check(what, bool(inputs), found, remedy, needed=False)


def _window() -> Check:
    """For `engine preview`."""
    what = "a window (preview)"
    if find_spec("_tkinter") is None:
        return Check(what, False, "Python without tkinter", "apt install python3-tk", needed=False)
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        remedy = "run it on a desktop, or with --headless"
        return Check(what, False, "Tk, but no display", remedy, needed=False)
    return Check(what, True, "Tk", needed=False)


def _camera() -> Check:
    """For `engine preview --virtual-camera`. What OBS has installed is known when it is opened."""
    what = "a virtual camera (preview)"
    extra = _extra(what, ("pyvirtualcam",), "camera")
    if extra.passed and sys.platform == "linux" and not any(_VIRTUAL_VIDEO.glob("video*")):
        remedy = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=Avatar"
        return Check(what, False, f"{extra.finding}, but no driver", remedy, needed=False)
    return extra


def _opencv() -> Check:
    """mediapipe brings a second OpenCV into the same folder, one that wants a graphics library.

    Whichever was installed last is the one in use; they are of the same release.
    """
    try:
        import cv2
    except ImportError as error:
        headless = f"opencv-python-headless=={_version('opencv-python-headless')}"
        remedy = f"pip install --force-reinstall --no-deps {headless}, or apt install libgl1"
        return Check("OpenCV", False, str(error), remedy)
    packages = ("opencv-python-headless", "opencv-contrib-python")
    found = [f"{name} {version}" for name in packages if (version := _version(name))]
    if int(cv2.__version__.split(".")[0]) > 4:
        return Check("OpenCV", False, ", ".join(found), "pip install 'opencv-python-headless<5'")
    return Check("OpenCV", True, ", ".join(found))


def _speech() -> Check:
    from engine.speech import SpeechModel

    try:
        model = SpeechModel.load()
    except AvatarEngineError as error:
        return Check("speech model", False, str(error), "install the package again")
    return Check("speech model", True, f"looks ahead {model.look_ahead_hops * 10} ms")


def _avatars() -> list[Check]:
    """The built-in ones, each loaded, and how fast this machine draws one of them."""
    from engine.avatar import Avatar, builtin_avatars
    from engine.bench import frame_milliseconds

    checks, sound = [], {}
    for name, path in builtin_avatars().items():
        try:
            sound[name] = Avatar.load(path)
        except AvatarEngineError as error:
            checks.append(Check(f"avatar {name}", False, str(error), "install the package again"))
    if sound:
        checks.append(Check("built-in avatars", True, ", ".join(sound)))
        each = frame_milliseconds(next(iter(sound.values())))
        finding = f"{each:.0f} ms of one core for a frame now, {_FRAME_MS} ms are there"
        if each >= _FRAME_MS:
            finding += ": faces of `engine export --size 256` cost less"
        checks.append(Check("speed", each < _FRAME_MS, finding, needed=False))
    return checks
