"""The faces of the export tests, for what trains on them."""

from tests.export.conftest import astronaut, neutral

__all__ = ["astronaut", "neutral"]
