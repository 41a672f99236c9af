"""From a recipe to a portrait, in one readable function."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.landmarks import FaceMesh
from training.builtin.blend import blend_faces, mean_shape
from training.builtin.compose import Body, dress, frame_eyes, insert_face, recolour, retouch
from training.builtin.matte import backdrop, cleared, cut_out, replace_backdrop
from training.builtin.portraits import load_portrait, mirror
from training.builtin.recipes import Recipe

__all__ = ["SIZE", "make_portrait"]

SIZE = 768


def make_portrait(
    recipe: Recipe, portraits: Path, mesh: FaceMesh, size: int = SIZE
) -> NDArray[np.uint8]:
    """The portrait ``[size, size, 3]`` uint8 RGB.

    portraits: folder of ``NAME.jpg``.
    Raises ValueError where a mouth source's lips are apart in the picture.
    """
    people = {n: load_portrait(portraits / f"{n}.jpg", mesh) for n in recipe.sources}
    apart = [n for n in recipe.mouths if not people[n].closed]
    if apart:
        raise ValueError(f"mouth sources must have their lips closed; not so: {', '.join(apart)}")
    donor = load_portrait(portraits / f"{recipe.donor}.jpg", mesh)
    if recipe.mirrored:
        donor = mirror(donor, mesh)
    shape = mean_shape([people[n] for n in recipe.faces], frame_eyes(donor, size))
    face = blend_faces(people, shape, recipe.faces, recipe.mouths, size)
    body = dress(donor, shape, size)
    matte = cleared(cut_out(body.picture), recipe.clear)
    paper = backdrop(size, recipe.paper)
    body = Body(replace_backdrop(body.picture, matte, paper), shape)
    picture, skin = insert_face(body, face, matte.alpha)
    picture = recolour(picture, matte.alpha * (1 - skin), shape, recipe.hair, recipe.clothes)
    grade = 1 + matte.alpha[..., None] * (np.array(recipe.grade, np.float32) - 1)
    picture = np.clip(picture * grade, 0, 1)
    picture = retouch(picture, recipe.spots)
    return (picture * 255).round().astype(np.uint8)
