"""onnxruntime on the CPU."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MissingExtra, ModelMismatch
from engine.runtime.model import Shape

__all__ = ["OnnxModel"]


class OnnxModel:
    """A loaded ONNX model: immutable, shared by sessions, safe to call from several threads.

    model:   the file's path or its bytes.
    threads: intra-op threads. Spinning is off: on a shared machine it costs more than it gains.

    Raises ModelMismatch if onnxruntime can not load it, MissingExtra without onnxruntime.
    """

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtra("running a model", "cpu") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session: Any = onnxruntime.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no base class but RuntimeError
            name = "the given bytes" if isinstance(model, bytes) else model.name
            raise ModelMismatch(f"onnxruntime can not load {name}: {error}") from error
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.inputs: dict[str, Shape] = {i.name: tuple(i.shape) for i in self._session.get_inputs()}
        self.outputs: dict[str, Shape] = {
            o.name: tuple(o.shape) for o in self._session.get_outputs()
        }

    def run(
        self, inputs: Mapping[str, NDArray[Any]], keep: Collection[str] = ()
    ) -> dict[str, NDArray[np.float32]]:
        """Named arrays in, named arrays out; here what is kept is an array like the others."""
        return dict(zip(self.outputs, self._session.run(None, dict(inputs)), strict=True))
