"""Files of generators with bytes changed, left out or put in: read, or refused in words."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from engine.errors import BadCheckpoint  # noqa: E402
from export.generator import stylegan2, stylegan3  # noqa: E402
from export.generator.checkpoints import read_checkpoint  # noqa: E402
from tests import generator_files as files  # noqa: E402

pytestmark = pytest.mark.export
TINY = stylegan2.StyleGAN2Config((4, 2), z_dim=2, w_dim=2, num_layers=1)
THREE = stylegan3.StyleGAN3Config(16, False, 2, 2, channel_base=32, channel_max=2)
_OPCODES = [bytes([code]) for code in range(256)]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One file of each kind."""
    folder = tmp_path_factory.mktemp("good")
    network = stylegan2.Generator(TINY)
    paths = [
        files.write_nvidia(folder / "a", files.generator(network)),
        files.write_nvidia(folder / "b", files.generator(stylegan3.Generator(THREE)), 2),
        files.write_tuned(folder / "c", files.generator(network)),
        files.write_rosinality(folder / "d", network, trained=True),
    ]
    return [path.read_bytes() for path in paths]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad") / "x.pt"


def changes() -> st.SearchStrategy[list[tuple[int, int, bytes]]]:
    """Places in thousandths of the file, how many bytes go there, and which come."""
    new = st.one_of(st.binary(max_size=6), st.sampled_from(_OPCODES))
    one = st.tuples(st.integers(0, 999), st.sampled_from([0, 1, 1, 1, 4, 100]), new)
    return st.lists(one, min_size=1, max_size=4)


@given(which=st.integers(0, 3), edits=changes(), cut=st.sampled_from([0, 0, 0, 1, 50]))
def test_changed_files(
    which: int,
    edits: list[tuple[int, int, bytes]],
    cut: int,
    good: list[bytes],
    target: Path,
    tried: Counter[str],
) -> None:
    data = bytearray(good[which])
    for place, gone, new in edits:
        at = len(data) * place // 1000
        data[at : at + gone] = new
    _read(target, bytes(data[: len(data) - cut]), tried)


@given(code=st.lists(st.one_of(st.sampled_from(_OPCODES), st.binary(max_size=3)), max_size=60))
def test_random_instructions(code: list[bytes], target: Path, tried: Counter[str]) -> None:
    _read(target, b"\x80\x04" + b"".join(code) + b".", tried)


@given(
    value=st.recursive(
        st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.binary()),
        lambda inner: st.one_of(
            st.lists(inner), st.dictionaries(st.sampled_from(["G_ema", "g_ema", "x"]), inner)
        ),
        max_leaves=8,
    )
)
def test_other_values(value: Any, target: Path, tried: Counter[str]) -> None:
    _read(target, pickle.dumps(value), tried)
    torch.save(value, target)
    _read(target, target.read_bytes(), tried)


def _read(target: Path, data: bytes, tried: Counter[str]) -> None:
    target.write_bytes(data)
    tried["tried"] += 1
    try:
        read_checkpoint(target)
    except BadCheckpoint as error:
        told = str(error)
    else:
        tried["taken"] += 1
        return
    assert "\n" not in told
    assert len(told) < 600
