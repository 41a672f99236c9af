"""The puppet of a photo whose mouth is at rest: open ones are closed first.

A generator should not spend itself on undoing a smile in every frame. The smile is undone once, at
the photo's resolution; the closed picture then stands for the photo, and rest is exactly that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.compositor import Compositor
from engine.motion import Motion
from export.puppet import CLOSED_GAP, Puppet

__all__ = ["at_rest"]

_CANVAS = 256  # pixels: lips are closed on a finer canvas than they move on later


def at_rest(image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> Puppet:
    """A puppet whose ``image`` has a closed mouth.

    image: ``[H, W, 3]`` uint8 RGB. landmarks: ``[478, 3]`` pixels of it (FaceMesh.detect).
    """
    puppet = Puppet(image, landmarks)
    if puppet.gap < CLOSED_GAP:
        return puppet
    still = Motion()
    compositor = Compositor(image, puppet.matrix, _CANVAS, puppet.teeth())
    closed = compositor.draw(puppet.canvas(still.face, _CANVAS), still.head)
    moved = landmarks.copy()
    moved[:468, :2] = puppet.rest @ puppet.matrix[:, :2].T + puppet.matrix[:, 2]
    return Puppet(closed, moved, smile=puppet.smile())
