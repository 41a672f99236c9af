"""Stage 1: the published losses, their ablations, resuming, and training on two ranks."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export.generator.stylegan2 import StyleGAN2Config  # noqa: E402
from export.perceptual import EncoderFeatures  # noqa: E402
from training.paper.crops import Crops  # noqa: E402
from training.paper.material import FRAMES, Material  # noqa: E402
from training.paper.networks import SplitForm, principal_basis  # noqa: E402
from training.paper.objective import Objective, Without, motion_loss  # noqa: E402
from training.paper.pretrained import Pretrained  # noqa: E402
from training.paper.stage1 import Form, Stage1, main, said_by  # noqa: E402

pytestmark = pytest.mark.export
CPU, WHO = torch.device("cpu"), torch.zeros(3, dtype=torch.long)


@pytest.fixture(scope="module")
def nets() -> Pretrained:
    torch.manual_seed(0)
    config = StyleGAN2Config((16, 16, 16, 16), z_dim=16, w_dim=16, num_layers=2)
    return Pretrained.new(config).to(CPU)


def test_losses_are_the_published_ones(nets: Pretrained) -> None:
    phi = EncoderFeatures(nets.encoder)
    codes = torch.randn(3, 8, 16)
    said = codes + 0.1
    loss, parts = Objective(nets, phi, Without.NOTHING, (1.0, 20.0))(said, codes, WHO, False)
    assert float(parts["latent"]) == pytest.approx(0.1 * (8 * 16) ** 0.5, rel=1e-4)
    with torch.no_grad():
        apart = (phi(nets.draw(said)) - phi(nets.draw(codes))).norm(dim=1).mean()
    torch.testing.assert_close(parts["lpips"], apart)
    assert float(loss) == pytest.approx(float(parts["latent"] + 20 * parts["lpips"]), rel=1e-5)


def test_ablations_leave_a_loss_out(nets: Pretrained) -> None:
    phi, codes = EncoderFeatures(nets.encoder), torch.randn(2, 8, 16)
    loss, parts = Objective(nets, phi, Without.LPIPS, (1.0, 20.0))(codes + 1, codes, WHO, False)
    assert "lpips" not in parts
    assert float(loss) == float(parts["latent"])
    shift = torch.tensor([0.5, 1.5])[:, None, None]
    loss, parts = Objective(nets, phi, Without.LATENT, (1.0, 20.0))(
        codes + shift, codes, WHO, False
    )
    assert float(loss) == pytest.approx(20 * float(parts["lpips"]))
    some = Objective(nets, phi, Without.LATENT, (1.0, 20.0), drawn=1)
    single = {round(float(some(codes + shift, codes, WHO, False)[1]["lpips"]), 5) for _ in range(8)}
    assert len(single) == 2  # of one frame or the other, never of both


def test_windows_are_of_one_clip_and_in_step(corpus: Crops, nets: Pretrained) -> None:
    material = Material([c for c in corpus.clips if not c.held_out], nets, CPU)
    sound, motion, codes, _, pivot = material.windows(5, np.random.default_rng(0))
    assert (sound.shape, motion.shape) == ((5, FRAMES, 28, 12), (5, FRAMES, 52))
    for b in range(5):
        clip = next(c for c in material.clips if torch.equal(c.pivot, pivot[b]))
        start = next(k for k in range(6) if torch.equal(clip.sound[k : k + FRAMES], sound[b]))
        assert torch.equal(clip.codes[start : start + FRAMES], codes[b])
        assert torch.equal(clip.motion[start : start + FRAMES], motion[b])


def test_a_trajectory_is_learned(corpus: Crops, nets: Pretrained) -> None:
    """Both losses fall on one window, generator and encoder stay as they were."""
    torch.manual_seed(0)
    material = Material([c for c in corpus.clips if not c.held_out], nets, CPU)
    basis, _ = principal_basis(torch.cat([c.codes for c in material.clips]), 16)
    stage = Stage1(SplitForm(basis), CPU, 1e-2)
    objective = Objective(nets, EncoderFeatures(nets.encoder), Without.NOTHING, (1.0, 5.0))
    before = [p.clone() for m in nets.modules() for p in m.parameters()]
    sound, motion, codes, who, pivot = material.windows(1, np.random.default_rng(0))
    sound, motion, codes, who = (x[:, :8] for x in (sound, motion, codes, who))
    history = []
    for _ in range(25):
        said = said_by(stage.parallel, sound, motion, pivot)
        loss, parts = objective(said.flatten(0, 1), codes.flatten(0, 1), who[0], False)
        stage.apply(loss, 0.2)
        history.append({k: float(v.detach()) for k, v in parts.items()})
    assert history[-1]["latent"] < 0.8 * history[0]["latent"]
    assert history[-1]["lpips"] < history[0]["lpips"]
    after = [p for m in nets.modules() for p in m.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_motion_is_compared_by_where_the_lips_are() -> None:
    still, open_mouth = torch.zeros(1, 2, 52), torch.zeros(1, 2, 52)
    from engine.motion import ARKIT_INDEX

    open_mouth[..., ARKIT_INDEX["jawOpen"]] = 0.5
    blink = torch.zeros(1, 2, 52)
    blink[..., ARKIT_INDEX["eyeBlinkLeft"]] = 0.5
    opened, blinked = (motion_loss(still, m)[1]["lips cm"] for m in (open_mouth, blink))
    assert opened > 0.3
    assert blinked < 0.01


def test_the_command_resumes_and_says_something_to_held_out_clips(
    crops_file: Path, nets: Pretrained, tmp_path: Path
) -> None:
    nets.save(tmp_path / "generator")
    options = {
        "crops": crops_file, "generator": tmp_path / "generator", "out": tmp_path, "vgg": None,
        "batch": 1, "components": 8, "width": 1 / 32, "drawn": 0, "dropout": 0.0, "latent": 1.0,
        "lpips": 5.0, "lite": False, "rate": 1e-3, "threads": 1, "half": False,
    }  # fmt: skip
    main(form=Form.SPLIT, without=Without.NOTHING, minutes=0.01, **options)
    first = torch.load(tmp_path / "split" / "checkpoint.pt", weights_only=True)["step"]
    main(form=Form.SPLIT, without=Without.NOTHING, minutes=0.02, **options)
    assert torch.load(tmp_path / "split" / "checkpoint.pt", weights_only=True)["step"] > first
    with np.load(tmp_path / "split" / "trajectories.npz") as z:
        assert {k for k in z.files if k.startswith("said/")} == {"said/s1_c", "said/x_d"}
        assert z["said/s1_c"].shape == (30, 8)


def test_two_ranks_train_together(crops_file: Path, tmp_path: Path) -> None:
    """As torchrun starts them, over gloo: one checkpoint, and both ranks end at the same step."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "training.paper.stage1", "--form", "speech", "--minutes", "0.03",
        "--crops", str(crops_file), "--out", str(tmp_path), "--width", "0.04", "--batch", "2",
    ]  # fmt: skip
    common = os.environ | {
        "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    ranks = [
        subprocess.Popen(command, env=common | {"RANK": str(k), "LOCAL_RANK": str(k)})
        for k in range(2)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    assert (tmp_path / "speech" / "trajectories.npz").exists()
    curves = tmp_path / "speech" / "curves.csv"
    assert not curves.exists() or len(list(csv.reader(curves.open()))) > 1
