"""Buffers, the stream and its graphs: against a fake, and where there is a GPU against CUDA."""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest

from engine.errors import MissingExtra, NoDevice
from engine.runtime import device_memory
from engine.runtime.device_memory import Buffer, Stream
from tests.cuda_runtime import FakeCudart

BOTH = [
    pytest.param(True, id="fake"),
    pytest.param(False, id="gpu", marks=pytest.mark.gpu),
]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCudart:
    runtime = FakeCudart()
    monkeypatch.setattr(device_memory, "cudart", lambda: runtime)
    return runtime


@pytest.mark.parametrize("faked", BOTH)
def test_what_goes_up_comes_down(faked: bool, request: pytest.FixtureRequest) -> None:
    if faked:
        request.getfixturevalue("fake")
    stream, buffer = Stream(), Buffer((3, 5), np.float32)
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    buffer.host[:] = values
    buffer.upload(stream)
    stream.wait()
    buffer.host[:] = 0
    buffer.download(stream)
    stream.wait()
    np.testing.assert_array_equal(buffer.host, values)


@pytest.mark.parametrize("faked", BOTH)
def test_a_graph_repeats_what_it_saw(faked: bool, request: pytest.FixtureRequest) -> None:
    if faked:
        request.getfixturevalue("fake")
    stream, buffer = Stream(), Buffer((4,), np.uint8)
    buffer.host[:] = 1
    again = stream.graph(lambda: buffer.upload(stream))
    for value in (7, 9):
        buffer.host[:] = value
        again()
        stream.wait()
        buffer.host[:] = 0
        buffer.download(stream)
        stream.wait()
        assert (buffer.host == value).all()


def test_memory_goes_with_the_buffer(fake: FakeCudart) -> None:
    buffer = Buffer((16,), np.uint8)
    assert len(fake.memory) == 2
    del buffer
    gc.collect()
    assert not fake.memory


@pytest.mark.parametrize("call", ["cudaStreamCreate", "cudaMalloc"])
def test_errors_come_in_cudas_words(call: str, fake: FakeCudart) -> None:
    fake.broken = call
    made = {"cudaStreamCreate": Stream, "cudaMalloc": lambda: Buffer((1,), np.uint8)}
    with pytest.raises(NoDevice, match="out of everything"):
        made[call]()


def test_without_the_bindings_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(MissingExtra, match=r"avatar-engine\[tensorrt\]"):
        Stream()
