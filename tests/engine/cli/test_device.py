"""Commands say which device draws, and refuse one that is not there."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.program import app
from engine.errors import NoDevice
from engine.gpu import find_gpu

needs_no_gpu = pytest.mark.skipif(
    not isinstance(find_gpu(), str), reason="did not run: here is a GPU"
)


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(16000))
    return path


@needs_no_gpu
def test_render_says_what_draws_and_why(silence: Path, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    command = ["render", "--avatar", str(bundle), "--audio", str(silence), "--out", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "drawing on the CPU: no NVIDIA driver" in done.stderr
    assert out.is_file()


@needs_no_gpu
@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_a_gpu_that_is_not_there_is_an_error(device: str, silence: Path, bundle: Path) -> None:
    for command in (
        ["render", "--avatar", str(bundle), "--audio", str(silence), "--out", "never.mp4"],
        ["bench", "--avatar", str(bundle)],
        ["serve", "--avatar", str(bundle), "--port", "0"],
    ):
        done = CliRunner().invoke(app, [*command, "--device", device])
        assert isinstance(done.exception, NoDevice)
        assert "no NVIDIA driver" in str(done.exception)
    assert not Path("never.mp4").exists()
