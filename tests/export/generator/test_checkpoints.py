"""Every kind of file is read back as the network that it was written from, or refused in words."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import save_file  # noqa: E402

from engine.errors import BadCheckpoint  # noqa: E402
from export.generator import stylegan2, stylegan3  # noqa: E402
from export.generator.checkpoints import Checkpoint, read_checkpoint, read_encoder  # noqa: E402
from export.generator.ir_se import StyleEncoder  # noqa: E402
from export.generator.pyramid import PyramidEncoder  # noqa: E402
from tests import generator_files as files  # noqa: E402
from tests.networks import filled, inputs  # noqa: E402

pytestmark = pytest.mark.export
TWO = stylegan2.StyleGAN2Config((12, 10, 8), z_dim=16, w_dim=16, num_layers=2)
THREE = stylegan3.StyleGAN3Config(16, False, 16, 16, channel_base=128, channel_max=8)
FITS_ENCODER = replace(TWO, w_dim=128)  # the encoder's least width, 16 channels, gives as much


def same(read: Checkpoint, network: Any) -> None:
    z, ws = inputs(network.config)
    with torch.no_grad():
        assert torch.equal(read.generator.synthesis(ws), network.synthesis(ws))
        torch.testing.assert_close(read.generator.mapping(z, 0.5), network.mapping(z, 0.5))


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    "network",
    [
        stylegan2.Generator(TWO),
        stylegan2.Generator(replace(TWO, conv_clamp=256.0)),
        stylegan3.Generator(THREE),
        stylegan3.Generator(replace(THREE, rotation=True)),
    ],
    ids=["2", "2 clamped", "3 t", "3 r"],
)
def test_nvidia(network: Any, protocol: int, tmp_path: Path) -> None:
    filled(network)
    read = read_checkpoint(
        files.write_nvidia(tmp_path / "a.pkl", files.generator(network), protocol)
    )
    same(read, network)
    assert read.generator.config == network.config
    assert read.encoder is None
    assert read.aligned == "ffhq"
    assert "NVIDIA" in read.kind
    assert "16 pixels" in read.kind


def test_pivotal_tuning(tmp_path: Path) -> None:
    for network in (stylegan2.Generator(TWO), stylegan3.Generator(THREE)):
        filled(network)
        read = read_checkpoint(files.write_tuned(tmp_path / "a.pt", files.generator(network)))
        same(read, network)
        assert "pivotal" in read.kind


def test_rosinality(tmp_path: Path) -> None:
    network = filled(stylegan2.Generator(TWO))
    same(read_checkpoint(files.write_rosinality(tmp_path / "a.pt", network)), network)
    trained = read_checkpoint(files.write_rosinality(tmp_path / "b.pt", network, trained=True))
    sampled = network.mapping.statistics()[0]
    assert torch.equal(trained.generator.mapping.w_avg, sampled)


def test_files_of_torch_before_1_6(tmp_path: Path) -> None:
    network = filled(stylegan2.Generator(TWO))
    content = {"g_ema": files.to_rosinality(network), "latent_avg": network.mapping.w_avg}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    same(read_checkpoint(tmp_path / "a.pt"), network)


@pytest.mark.parametrize("kind", ["GradualStyleEncoder", "Encoder4Editing"])
def test_psp_and_e4e(kind: str, tmp_path: Path) -> None:
    network = filled(stylegan2.Generator(FITS_ENCODER))
    deltas = kind == "Encoder4Editing"
    encoder = filled(StyleEncoder(6, deltas=deltas, width=16), inside="encoder.")
    path = files.write_psp(tmp_path / "a.pt", network, encoder, kind)
    read = read_checkpoint(path)
    same(read, network)
    assert isinstance(read.encoder, StyleEncoder)
    assert read.encoder.deltas == deltas
    assert torch.allclose(read.encoder.latent_avg, network.mapping.w_avg)
    for found in (read.encoder, read_encoder(path, network)):
        theirs = found.state_dict()
        assert all(torch.equal(theirs[k], v) for k, v in encoder.state_dict().items())
    assert ("e4e" if deltas else "pSp") in read.kind
    apart = files.write_psp(tmp_path / "b.pt", network, encoder, kind, start_from_latent_avg=False)
    found = read_checkpoint(apart).encoder
    assert isinstance(found, StyleEncoder)
    assert not found.latent_avg.any()


def test_what_this_project_trains(tmp_path: Path) -> None:
    config = stylegan2.StyleGAN2Config((8, 8, 8, 8), z_dim=16, w_dim=16, num_layers=2)
    network, header = stylegan2.Generator(config), {"config": json.dumps(asdict(config))}
    tensors = {k: v for k, v in network.state_dict().items() if "noise_" not in k}
    save_file(
        {k: v.half().contiguous() for k, v in tensors.items()}, tmp_path / "g.safetensors", header
    )
    read = read_checkpoint(tmp_path / "g.safetensors")
    assert read.aligned == "eyes"
    _, ws = inputs(config)
    with torch.no_grad():
        drawn = read.generator.synthesis(ws)
        torch.testing.assert_close(drawn, network.synthesis(ws, "none"), atol=0.02, rtol=0.02)
    encoder = PyramidEncoder(config.num_ws, 16, 32, widest=8)
    save_file(encoder.state_dict(), tmp_path / "e.safetensors", header)
    with pytest.raises(BadCheckpoint, match="another layout"):
        read_encoder(tmp_path / "g.safetensors", network)
    found = read_encoder(tmp_path / "e.safetensors", network)
    assert isinstance(found, PyramidEncoder)


def test_an_encoder_has_to_fit(tmp_path: Path) -> None:
    network = filled(stylegan2.Generator(FITS_ENCODER))
    encoder = StyleEncoder(6, width=16)
    path = files.write_psp(tmp_path / "a.pt", network, encoder, "GradualStyleEncoder")
    with pytest.raises(BadCheckpoint, match=r"6 rows of 128, expected 6 of 16"):
        read_encoder(path, stylegan2.Generator(TWO))
    alone = files.write_rosinality(tmp_path / "b.pt", network)
    with pytest.raises(BadCheckpoint, match="without an encoder"):
        read_encoder(alone, network)


def refusal(path: Path) -> str:
    with pytest.raises(BadCheckpoint) as told:
        read_checkpoint(path)
    message = str(told.value)
    assert "\n" not in message
    assert path.name in message
    assert "expected" in message
    return message


def test_other_encoders_are_refused(tmp_path: Path) -> None:
    network, encoder = stylegan2.Generator(FITS_ENCODER), StyleEncoder(6, width=16)
    for k, (kind, options) in enumerate(
        [("BackboneEncoderUsingLastLayerIntoW", {}), ("GradualStyleEncoder", {"learn_in_w": True})]
    ):
        path = files.write_psp(tmp_path / f"{k}.pt", network, encoder, kind, **options)
        assert kind[:40] in refusal(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither"),
        (b"GIF89a", "neither"),
        (b"PK\x03\x04 but no more", "damaged archive"),
        (b"\x80\x04", "damaged or cut short"),
        (b"\x80\x02cdnnlib.tflib.network\nNetwork\n.", "TensorFlow"),
    ],
)
def test_other_files_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    assert words in refusal(path)


def test_other_contents_are_refused(tmp_path: Path) -> None:
    for content in ({}, {"g_ema": {}}, {"g_ema": {"head.weight": torch.ones(1)}}, [1, 2], 3.0):
        torch.save(content, tmp_path / "a.pt")
        refusal(tmp_path / "a.pt")
    state = files.to_rosinality(stylegan2.Generator(TWO))
    torch.save({"g_ema": state, "latent_avg": 3}, tmp_path / "b.pt")
    assert "average latent" in refusal(tmp_path / "b.pt")
    torch.save({"g_ema": {k: v for k, v in state.items() if "convs.1" not in k}}, tmp_path / "c.pt")
    assert "another layout" in refusal(tmp_path / "c.pt")
    (tmp_path / "d.safetensors").write_bytes(b"nothing")
    assert "configuration" in refusal(tmp_path / "d.safetensors")
    assert "no file" in refusal(tmp_path / "e.pt")


class Hostile:
    """Leaves a file behind where it is loaded the usual way."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_a_pickle_that_would_run_code_does_not(tmp_path: Path) -> None:
    import pickle

    mark = tmp_path / "mark"
    with (tmp_path / "a.pkl").open("wb") as file:
        pickle.dump({"G_ema": Hostile(mark)}, file)
    torch.save({"g_ema": Hostile(mark)}, tmp_path / "b.pt")
    made = files.generator(stylegan2.Generator(TWO))
    made.state["extra"] = Hostile(mark)
    files.write_nvidia(tmp_path / "c.pkl", made)
    files.write_tuned(tmp_path / "d.pt", made)
    torch.save({"state_dict": {}, "latent_avg": Hostile(mark)}, tmp_path / "e.pt",
               _use_new_zipfile_serialization=False)  # fmt: skip
    for name in ("a.pkl", "b.pt", "c.pkl", "d.pt", "e.pt"):
        refusal(tmp_path / name)
        assert not mark.exists(), name
    pickle.loads((tmp_path / "a.pkl").read_bytes())
    assert mark.exists(), "the file was harmless, so nothing was proven"


def test_the_source_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    import pickle

    network = filled(stylegan2.Generator(TWO))
    path = files.write_nvidia(tmp_path / "a.pkl", files.generator(network))
    with files.makers(), pytest.raises(SystemExit, match="executed"):
        pickle.loads(path.read_bytes())
    same(read_checkpoint(path), network)
