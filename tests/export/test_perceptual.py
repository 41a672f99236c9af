"""phi is VGG where its file is given, and says what it is where not."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from engine.errors import ModelMismatch  # noqa: E402
from export.generator.pyramid import PyramidEncoder  # noqa: E402
from export.perceptual import EncoderFeatures, VGG16Features  # noqa: E402

pytestmark = pytest.mark.export
# Where torchvision's vgg16().features has its convolutions, and with how many channels.
PLACES = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 17: 512, 19: 512, 21: 512,
          24: 512, 26: 512, 28: 512}  # fmt: skip


def vgg_file(path: Path) -> Path:
    torch.manual_seed(0)
    tensors, c_in = {}, 3
    for place, channels in PLACES.items():
        tensors[f"features.{place}.weight"] = torch.randn(channels, c_in, 3, 3) * 0.05
        tensors[f"features.{place}.bias"] = torch.randn(channels) * 0.1
        c_in = channels
    torch.save(tensors, path)
    return path


def test_vgg_of_torchvisions_layout(tmp_path: Path) -> None:
    path = vgg_file(tmp_path / "vgg16.pth")
    phi = VGG16Features(path)
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    tensors = torch.load(path, weights_only=True)
    x = ((picture + 1) / 2 - phi.shift) / phi.scale
    taps = []
    for place in PLACES:
        if place in (5, 10, 17, 24):
            taps.append(x)
            x = torch.nn.functional.max_pool2d(x, 2)
        weight, bias = (tensors[f"features.{place}.{k}"] for k in ("weight", "bias"))
        x = torch.nn.functional.conv2d(x, weight, bias, padding=1).relu()
    for made, wanted in zip(phi.maps(picture), [*taps, x], strict=True):
        torch.testing.assert_close(made, wanted)
    assert phi.name.startswith("VGG16 (vgg16.pth, sha256 ")


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(1)}, path)
    with pytest.raises(ModelMismatch, match="expected torchvision"):
        VGG16Features(path)
    path.write_bytes(b"no file of torch")
    with pytest.raises(ModelMismatch, match="expected torchvision"):
        VGG16Features(path)


def test_features_of_our_own_say_so_and_weigh_every_map_alike() -> None:
    torch.manual_seed(0)
    phi = EncoderFeatures(PyramidEncoder(8, 16, 32))
    assert "this project" in phi.name
    found = phi(torch.rand(2, 3, 32, 32))
    # Unit length at every position of each of the two maps, divided by the number of positions.
    torch.testing.assert_close(found.norm(dim=1), torch.full((2,), 2.0).sqrt())
