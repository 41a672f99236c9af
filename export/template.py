"""A face without tuning and without torch: the prior's generator as ONNX, its identity filled in.

The released prior is exported once (``training.template``) as two models: the encoder, and the face
model with all that differs between people among its inputs. For one person these inputs become
constants; what is left is the ``face.onnx`` of a bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from engine.errors import ModelMismatch
from engine.motion import ARKIT
from engine.runtime.onnx import OnnxModel
from export.motions import sample_motions
from export.verify import Arrays, verify

__all__ = ["ENCODER_PATH", "PREFIX", "STILL", "TEMPLATE_PATH", "Template"]

_RESOURCES = Path(__file__).parent / "resources"
ENCODER_PATH = _RESOURCES / "lite_encoder.onnx"
TEMPLATE_PATH = _RESOURCES / "lite_face.onnx"
PREFIX = "identity."  # of the inputs that belong to a person
STILL = "still"  # the output that only the template has: flow and alpha before the offset
# In canvas widths, shares of alpha and of colour. With constants onnxruntime works out in advance
# what depends on them alone, which rounds differently: 1e-3 at the edges of alpha, 1e-5 elsewhere.
_TOLERANCE = 5e-3
_REST_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Template:
    """encoder: picture ``[1, 3, N, N]`` RGB 0 to 1, landmarks ``[1, 468, 2]`` -> pivot
    ``w [1, num_ws, w_dim]``.
    face: the serialised face model, with inputs ``identity.*`` beside ``face``."""

    encoder: OnnxModel
    face: bytes

    @staticmethod
    def load(encoder: Path = ENCODER_PATH, face: Path = TEMPLATE_PATH) -> Template:
        """The shipped ones. Raises ModelMismatch where they are missing, or not of one prior."""
        try:
            template = Template(OnnxModel(encoder), face.read_bytes())
        except OSError as error:
            raise ModelMismatch(
                f"{face.name} can not be read ({error}), expected it in the package: install the "
                "package again, or write it with `make template`"
            ) from error
        priors = {template.encoder.metadata.get("prior"), template.model.metadata.get("prior")}
        if len(priors) > 1 or None in priors:
            raise ModelMismatch(
                f"{encoder.name} and {face.name} come from different priors, expected one: "
                "write them again with `make template`"
            )
        return template

    @cached_property
    def model(self) -> OnnxModel:
        """The face model with its identity still open."""
        return OnnxModel(self.face)

    @property
    def size(self) -> int:
        """Side of the canvas in pixels."""
        return int(self.model.outputs["flow"][-1])

    def identity(
        self,
        picture: NDArray[np.uint8],
        landmarks: NDArray[np.floating],
        rest: NDArray[np.floating],
        **others: NDArray[np.floating],
    ) -> Arrays:
        """What makes the model one person's, by input name.

        picture: ``[N, N, 3]`` uint8 RGB canvas of the photo.
        landmarks: ``[468, 2]`` canvas units, ``Puppet.rest``.
        rest: ``[F, N, N]`` fields of the puppet at rest, of which flow and alpha are used: the
            model is made to rest exactly there.
        others: the remaining ``identity.*`` inputs, as they are.
        """
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / 255
        points = np.asarray(landmarks[None], np.float32)
        inputs = {
            "w": self.encoder.run({"picture": planes, "landmarks": points})["w"],
            "offset": np.zeros((1, 3, self.size, self.size), np.float32),
            **{name: np.asarray(value, np.float32) for name, value in others.items()},
        }
        open_identity = {f"{PREFIX}{name}": value for name, value in inputs.items()}
        at_rest = {"face": np.zeros((1, len(ARKIT)), np.float32)}
        # Of the model as it will be: with constants, sums are taken in another order.
        still = OnnxModel(self._bound(open_identity, outputs_less=())).run(at_rest)[STILL]
        offset = np.asarray(rest[None, :3], np.float32) - still
        return open_identity | {f"{PREFIX}offset": offset}

    def filled(self, identity: Mapping[str, NDArray[np.float32]]) -> bytes:
        """``face.onnx`` of one person. Raises ModelMismatch unless ``identity`` is complete."""
        return self._bound(identity, outputs_less=(STILL,))

    def _bound(
        self, identity: Mapping[str, NDArray[np.float32]], outputs_less: tuple[str, ...]
    ) -> bytes:
        """The model with constants in the place of its identity's inputs."""
        model = onnx.load_from_string(self.face)
        graph = model.graph
        wanted = {i.name for i in graph.input if i.name.startswith(PREFIX)}
        if wanted != identity.keys():
            raise ModelMismatch(
                f"the template asks for {sorted(wanted)}, got {sorted(identity)}: "
                "write it again with `make template`"
            )
        inputs = [i for i in graph.input if i.name not in wanted]
        outputs = [o for o in graph.output if o.name not in outputs_less]
        for field, kept in ((graph.input, inputs), (graph.output, outputs)):
            del field[:]
            field.extend(kept)
        graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in identity.items())
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def prove(
        self, identity: Mapping[str, NDArray[np.float32]], filled: bytes, rest: NDArray[np.floating]
    ) -> float:
        """The greatest difference of the filled model from the open one over 50 random motions.

        That the open one is the torch prior was proven when it was written.

        Raises ModelMismatch where they differ, where a value is not finite, or where the filled
        model does not rest on ``rest``.
        """
        exported = OnnxModel(filled)
        motions = sample_motions(50, np.random.default_rng(7))

        def reference(arrays: Mapping[str, NDArray[np.float32]]) -> Arrays:
            out = self.model.run({**arrays, **identity})
            return {name: value for name, value in out.items() if name != STILL}

        proof = verify(
            reference, exported, lambda n: {"face": motions[n : n + 1]}, tolerance=_TOLERANCE
        )
        still = exported.run({"face": np.zeros((1, len(ARKIT)), np.float32)})
        found = np.concatenate([still["flow"][0], still["alpha"][0]])
        miss = float(np.abs(found - rest[:3].astype(np.float32)).max())
        if not miss <= _REST_TOLERANCE:
            raise ModelMismatch(
                f"the face at rest is {miss:.2g} off the photo's, expected {_REST_TOLERANCE}: "
                "write the template again with `make template`"
            )
        return max(*proof.worst.values(), miss)
