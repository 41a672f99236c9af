"""Weights and inputs by rule, to compare a network with another one's outputs without its weights.

Every tensor is drawn from a generator that is seeded with the tensor's name, so whoever knows the
rule can fill the same network. ``../shared/data/stylegan_vectors`` holds what the public
definitions of StyleGAN2, StyleGAN3 and the pSp and e4e encoders give with such weights; its README
is the rule. Another ``prefix`` before the names gives other weights for another set of outputs.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Shape = tuple[int, ...]

# In a few words of the README: the first row that matches a name wins, n are standard normals.
_F = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
_MAPPING = r"(mapping\.fc|style\.)\d+\."
_NORM = r"encoder\..*(input_layer\.1|res_layer\.[04]|shortcut_layer\.1)\.weight"
_PRELU = r"encoder\..*(input_layer|res_layer)\.2\.weight"
_RULES: tuple[tuple[str, Callable[[NDArray[np.float64], float], NDArray[np.float64]]], ...] = (
    (r".*\.resample_filter", lambda n, fan: _F),
    (r".*\.(blur|upsample)\.kernel", lambda n, fan: 4 * _F),
    (r"synthesis\.input\.transform", lambda n, fan: np.eye(3)),
    (_MAPPING + "weight", lambda n, fan: 100 * n),
    (_MAPPING + "bias", lambda n, fan: 10 * n),
    (r"mapping\.w_avg|latent_avg", lambda n, fan: 0.5 * n),
    (r".*\.(noise_strength|noise\.weight)", lambda n, fan: 0.2 + 0.1 * n),
    (r"synthesis\.input\.freqs", lambda n, fan: 1.5 * n),
    (r"synthesis\.input\.phases", lambda n, fan: 0.3 * n),
    (r"synthesis\.input\.affine\.weight", lambda n, fan: 0.3 * n),
    (r"synthesis\.input\.affine\.bias", lambda n, fan: np.array([1.0, 0, 0, 0]) + 0.1 * n),
    (r".*\.magnitude_ema", lambda n, fan: np.exp(0.2 * n)),
    (r".*\.(affine|modulation)\.bias", lambda n, fan: 1 + 0.1 * n),
    (r".*\.running_mean", lambda n, fan: 0.1 * n),
    (r".*\.running_var", lambda n, fan: 0.5 + n**2),
    (_NORM, lambda n, fan: 1 + 0.1 * n),
    (_PRELU, lambda n, fan: 0.25 + 0.1 * n),
    (r"encoder\.styles\.\d+\.convs\.\d+\.weight", lambda n, fan: n * np.sqrt(2 / fan)),
    (r"encoder\.styles\.\d+\.linear\.weight", lambda n, fan: n),
    (r"encoder\..*\.fc[12]\.weight", lambda n, fan: 2 * n / np.sqrt(fan)),
    (r"encoder\..*\.weight", lambda n, fan: n / np.sqrt(fan)),
    (
        r".*\.(weight|const|noise_const)|input\.input|noises\.noise_\d+",
        lambda n, fan: n,
    ),
    (r".*\.bias", lambda n, fan: 0.1 * n),
)


def normals(name: str, shape: Shape, prefix: str = "") -> NDArray[np.float64]:
    """Standard normals of ``shape``, by the CRC-32 of ``prefix + name``."""
    rng = np.random.Generator(np.random.PCG64(zlib.crc32((prefix + name).encode("ascii"))))
    return rng.standard_normal(int(np.prod(shape))).reshape(shape)


def filled(name: str, shape: Shape, prefix: str = "") -> Array:
    """The tensor called ``name``: float32, or int64 where it counts. KeyError for unknown names.

    StyleGAN3's filters are architecture: the networks make them themselves.
    """
    if name.endswith(".num_batches_tracked"):
        return np.zeros(shape, np.int64)
    for pattern, value in _RULES:
        if re.fullmatch(pattern, name):
            fan = float(np.prod(shape[1:]))
            return np.asarray(value(normals(name, shape, prefix), fan), np.float32).reshape(shape)
    raise KeyError(name)


def fill(shapes: Iterable[tuple[str, Shape]], prefix: str = "") -> dict[str, Array]:
    """Tensors for all names; those that are called ``*_filter`` of StyleGAN3 are left out."""
    own = re.compile(r".*\.(up|down)_filter")
    return {name: filled(name, shape, prefix) for name, shape in shapes if not own.match(name)}


def read_keys(path: Path) -> list[tuple[str, Shape]]:
    """Names and shapes of a ``keys/*.txt``."""
    lines = (line.split("\t") for line in path.read_text(encoding="ascii").splitlines() if line)
    return [(name, tuple(int(n) for n in re.findall(r"\d+", shape))) for name, shape, _ in lines]


def latents(name: str, shape: Shape, prefix: str = "") -> NDArray[np.float32]:
    """An input such as ``input.z``."""
    return normals(name, shape, prefix).astype(np.float32)


def encoder_image(prefix: str = "") -> NDArray[np.float32]:
    """``[1, 3, 256, 256]`` in -1 to 1: coarse squares with noise over them."""
    coarse = normals("input.image.coarse", (3, 16, 16), prefix)
    fine = normals("input.image.fine", (3, 256, 256), prefix)
    squares = coarse.repeat(16, 1).repeat(16, 2)
    return np.clip(0.7 * squares + 0.3 * fine, -1, 1)[None].astype(np.float32)


def reduced(images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Large images as the files hold them: means over 32 x 32 squares, and the middle 32 pixels."""
    b, c, size, _ = images.shape
    k, middle = size // 32, size // 2
    means = images.reshape(b, c, 32, k, 32, k).astype(np.float64).mean((3, 5))
    return (
        means.astype(np.float32),
        images[:, :, middle - 16 : middle + 16, middle - 16 : middle + 16],
    )


def check_row(value: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean, standard deviation and the first eight numbers, as ``check_values`` has them."""
    first = np.zeros(8)
    head = value.reshape(-1)[:8]
    first[: len(head)] = head
    wide = value.astype(np.float64)
    return np.array([wide.mean(), wide.std(), *first])
