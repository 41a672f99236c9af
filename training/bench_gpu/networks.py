"""What is measured: each network with the inputs of one call."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

from engine.avatar import Avatar, builtin_avatars
from engine.compositor import Compositor
from engine.features import BANDS
from engine.motion import ARKIT
from engine.speech import SPEECH_MODEL_PATH
from engine.teeth import Teeth
from export.canvas import canvas_picture
from export.frame import FrameCompositor, FrameGenerator, InHalf
from export.generator.lite import LiteConfig
from export.generator.prior import FaceGenerator, LitePrior
from export.generator.stylegan2 import StyleGAN2Config, Synthesis
from training.bench_gpu.timing import Precision
from training.speech.network import SpeechNetwork, SpeechNetworkConfig, StreamingStep

__all__ = ["Network", "Subject", "halve_frames", "networks", "speech_step", "subject", "synthesis"]

_Inputs = Callable[[int], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Network:
    """made: the network on the CPU in float32. inputs: of a call for so many streams, float32.
    rate: calls a second that a live stream needs. batches: to try. convolves: whether the layout of
    images in memory matters. halve: makes it of half precision, in place."""

    name: str
    made: Callable[[], nn.Module]
    inputs: _Inputs
    rate: int = 25
    batches: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    convolves: bool = True
    halve: Callable[[nn.Module], object] = nn.Module.half
    half_inputs: bool = True

    def ready(
        self, precision: Precision, device: torch.device, layout: torch.memory_format
    ) -> nn.Module:
        """The network as it is to run."""
        module = self.made().requires_grad_(False).to(device)
        if self.convolves:
            module = module.to(memory_format=layout)
        if precision is Precision.fp16:
            self.halve(module)
        return module

    def arguments(
        self, batch: int, precision: Precision, device: torch.device
    ) -> tuple[Tensor, ...]:
        """Of one call."""
        dtype = precision.dtype if self.half_inputs else torch.float32
        return tuple(x.to(device, dtype) for x in self.inputs(batch))


def networks(quick: bool) -> list[Network]:
    """All of them, the small ones first. quick: small enough to run on a CPU in seconds."""
    someone = subject(quick)
    sides = (32,) if quick else (256, 512, 1024)
    most = {32: 2, 256: 64, 512: 32, 1024: 16}
    few = {"batches": (1, 2)} if quick else {}
    step = speech_step()
    speech = {"batches": (1, 2) if quick else (1, 16, 64, 256, 1024)}
    found = [
        Network(
            f"lite, whole frame at {someone.compositor.photo.shape[1]}",
            someone.frame_generator,
            _motions,
            halve=halve_frames,
            half_inputs=False,
            **few,
        ),
        Network(
            "speech, one step of 10 ms",
            lambda: copy.deepcopy(step),
            _columns,
            100,
            convolves=False,
            **speech,
        ),
    ]
    for side in sides:
        found.append(
            Network(
                f"StyleGAN2 synthesis at {side}",
                lambda side=side: synthesis(side, 512 if quick else 32768),  # type: ignore[misc]
                lambda batch, side=side: _latents(batch, side),  # type: ignore[misc]
                batches=tuple(1 << k for k in range(most[side].bit_length())),
            )
        )
    return found


@dataclass(frozen=True)
class Subject:
    """Who is drawn. compositor: of the CPU. prior, w: of the face network."""

    compositor: Compositor
    prior: LitePrior
    w: Tensor

    def face_generator(self) -> FaceGenerator:
        """The prior's generator with this pivot, at rest on the photo."""
        size = self.prior.config.size
        rest, jaw = torch.zeros(1, 8, size, size), torch.zeros(len(ARKIT), 2)
        return FaceGenerator(copy.deepcopy(self.prior), self.w, rest, jaw).eval()

    def frame_generator(self) -> FrameGenerator:
        """Motion to frame: the same, and the photo's warp."""
        return FrameGenerator(self.face_generator(), FrameCompositor(self.compositor)).eval()


def subject(quick: bool) -> Subject:
    """The first built-in avatar and the released generator; quick: noise and a random one."""
    if quick:
        torch.manual_seed(0)
        photo = np.random.default_rng(0).integers(256, size=(96, 96, 3), dtype=np.uint8)
        matrix = np.array([[64.0, 0, 16], [0, 64, 16]])
        blank = np.zeros((8, 16, 4), np.uint8)
        prior = LitePrior(LiteConfig(w_dim=16, channels=(16, 16, 16))).eval()
        teeth = Teeth(blank, blank, np.array([40.0, 60.0]))
        w = torch.randn(1, prior.config.num_ws, prior.config.w_dim)
        return Subject(Compositor(photo, matrix, prior.config.size, teeth), prior, w)
    avatar = Avatar.load(next(iter(builtin_avatars().values())))
    prior = LitePrior.load()
    picture = canvas_picture(avatar.photo, avatar.matrix, prior.config.size)
    # Anybody's landmarks would do for what is measured here.
    w = prior.pivot(picture, prior.encoder.mean.numpy())
    return Subject(avatar.compositor, prior, w)


def halve_frames(generator: nn.Module) -> None:
    """Convolutions in half precision, all around them in single."""
    assert isinstance(generator, FrameGenerator)
    generator.face_network.synthesis = InHalf(generator.face_network.synthesis)


def synthesis(resolution: int, channel_base: int = 32768) -> Synthesis:
    """Random weights, which are as fast as trained ones; channels as published (config F)."""
    torch.manual_seed(0)
    made = Synthesis(StyleGAN2Config.published(resolution, channel_base))
    return made.eval().freeze()


def speech_step() -> nn.Module:
    """The shipped weights where onnx is there to read them, random ones where it is not.

    Traced, because its constants are made anew in each call, which a CUDA graph can not hold.
    """
    torch.manual_seed(0)
    network = SpeechNetwork(SpeechNetworkConfig())
    if find_spec("onnx"):
        import onnx
        from onnx import numpy_helper

        values = {
            i.name.removeprefix("network.").removesuffix(".half"): numpy_helper.to_array(i)
            for i in onnx.load(SPEECH_MODEL_PATH).graph.initializer
        }
        known = network.state_dict()
        network.load_state_dict(
            {k: torch.tensor(values[k]).float() for k in known.keys() & values.keys()},
            strict=False,  # the head that names phones is of training only
        )
    step = StreamingStep(network).eval().requires_grad_(False)
    batch = torch.export.Dim("batch", min=1, max=4096)
    example = (torch.zeros(2, BANDS), torch.zeros(2, step.state_size))
    traced = torch.export.export(step, example, dynamic_shapes=({0: batch}, {0: batch})).module()
    for name, value in list(vars(traced).items()):
        if isinstance(value, Tensor):  # a constant, which is to move to the device with the rest
            delattr(traced, name)
            traced.register_buffer(name, value, persistent=False)
    return traced


def _motions(batch: int) -> tuple[Tensor, ...]:
    rng = torch.Generator().manual_seed(1)
    face = torch.rand(batch, len(ARKIT), generator=rng) * 0.5
    head = (torch.rand(batch, 3, generator=rng) - 0.5) * 0.15
    return face, head


def _columns(batch: int) -> tuple[Tensor, ...]:
    rng = torch.Generator().manual_seed(2)
    config = SpeechNetworkConfig()
    past = config.reach - 1
    state = past * BANDS + past * config.units + config.layers * config.units
    return (
        torch.randn(batch, BANDS, generator=rng) * 3 - 8,
        torch.zeros(batch, state),
    )


def _latents(batch: int, resolution: int) -> tuple[Tensor, ...]:
    rng = torch.Generator().manual_seed(3)
    rows = StyleGAN2Config.published(resolution).num_ws
    return (torch.randn(batch, rows, 512, generator=rng),)
