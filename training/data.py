"""Where the training data lies."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["data_folder"]


def data_folder() -> Path:
    """``$AVATAR_DATA``, else ``../shared/data`` beside the checkout. It need not exist."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("AVATAR_DATA", default))
