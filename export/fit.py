"""Fit the landmark basis to landmarks: head pose, identity and ARKit coefficients.

Gauss-Newton on the reprojection error of a pinhole camera, with a Gaussian prior on identity and on
the coefficients and with box constraints, as in 3D morphable model fitting (Blanz and Vetter,
SIGGRAPH 1999).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.optimize import lsq_linear
from scipy.spatial.transform import Rotation

from engine.motion import ARKIT
from export.basis import LandmarkBasis
from export.landmarks import canthus_distance

__all__ = ["Fit", "Pose", "fit", "rest_shape", "track", "track_from_rest"]

# Distance of the camera in cm: far enough that perspective hardly matters, near enough to be real.
_CAMERA = 100.0
# Standard deviation of a detected landmark, in canthus distances.
_SIGMA = 0.012
_ROBUST = 0.08
_EYES_AND_LIPS = (
    *(33, 246, 161, 160, 159, 158, 157, 173, 133, 7, 163, 144, 145, 153, 154, 155),
    *(263, 466, 388, 387, 386, 385, 384, 398, 362, 249, 390, 373, 374, 380, 381, 382),
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 95, 88, 178, 87, 14, 317, 402, 318, 324),
)


@dataclass(frozen=True)
class Pose:
    """rotation: ``[3]`` rotation vector in basis axes (x right, y up, z to the viewer), radians.
    scale: pixels per cm. shift: ``[2]`` pixels, where the origin of the basis lands."""

    rotation: NDArray[np.float64]
    scale: float
    shift: NDArray[np.float64]

    def project(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """``[..., 3]`` cm -> ``[..., 2]`` pixels, y down."""
        turned = points @ Rotation.from_rotvec(self.rotation).as_matrix().T
        k = self.scale / (1 - turned[..., 2:] / _CAMERA)
        return turned[..., :2] * k * (1, -1) + self.shift

    def project_displacement(
        self, points: NDArray[np.floating], displacement: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Pixels that ``points`` move when displaced by ``displacement`` cm, to first order."""
        matrix = Rotation.from_rotvec(self.rotation).as_matrix().T
        turned, moved = points @ matrix, displacement @ matrix
        k = self.scale / (1 - turned[..., 2:] / _CAMERA)
        dk = k * k / self.scale / _CAMERA * moved[..., 2:]
        return (k * moved[..., :2] + dk * turned[..., :2]) * (1, -1)

    def _moved(self, delta: NDArray[np.float64]) -> Pose:
        return Pose(self.rotation + delta[:3], self.scale + delta[3], self.shift + delta[4:6])


@dataclass(frozen=True)
class Fit:
    """identity: ``[100]`` standard deviations. face: ``[52]`` ARKit coefficients, 0 to 1.
    error: mean distance of eye and lip landmarks, in canthus distances."""

    pose: Pose
    identity: NDArray[np.float64]
    face: NDArray[np.float64]
    error: float

    def head(self) -> NDArray[np.float32]:
        """Pitch, yaw, roll as :class:`engine.motion.Motion` counts them, ``[3]`` radians."""
        pitch, yaw, roll = Rotation.from_rotvec(self.pose.rotation).as_euler("xyz")
        return np.array([pitch, yaw, -roll], np.float32)

    def points(
        self, basis: LandmarkBasis, shape: NDArray[np.floating] | None = None
    ) -> NDArray[np.float64]:
        """Landmarks of the fitted face in cm, ``[468, 3]``, before the pose.

        shape: what the coefficients displace, in place of the fitted identity's face.
        """
        if shape is None:
            shape = basis.neutral + np.tensordot(self.identity, basis.identity, 1)
        return shape + np.tensordot(self.face, basis.expression, 1)


def _initial_pose(neutral: NDArray[np.float32], target: NDArray[np.float64]) -> Pose:
    """Weak perspective: the nearest scaled rotation to the best affine camera."""
    design = np.c_[neutral, np.ones(len(neutral))]
    affine = np.linalg.lstsq(design, target, rcond=None)[0]
    right, up = affine[:3, 0], -affine[:3, 1]
    scale = (np.linalg.norm(right) + np.linalg.norm(up)) / 2
    rough = np.stack([right / scale, up / scale, np.cross(right, up) / scale**2])
    u, _, vt = np.linalg.svd(rough)
    return Pose(Rotation.from_matrix(u @ vt).as_rotvec(), float(scale), affine[3])


def _weights() -> NDArray[np.float64]:
    weight = np.full(468, 0.4)
    weight[list(_EYES_AND_LIPS)] = 1.8
    return weight


def _coefficient_prior(strength: float) -> NDArray[np.float64]:
    """Shapes that landmarks can not tell apart from others are held near zero."""
    prior = np.full(len(ARKIT), strength)
    for k, name in enumerate(ARKIT):
        if name.startswith(("cheekPuff", "eyeLook", "tongueOut")):
            prior[k] = 60.0
    return prior


def fit(
    landmarks: NDArray[np.floating],
    start: Fit | None = None,
    *,
    fix_identity: bool = False,
    smoothness: float = 0.0,
    iterations: int = 8,
    shape: NDArray[np.floating] | None = None,
) -> Fit:
    """Fit one face.

    landmarks: ``[468 or 478, 2 or 3]`` pixels, y down.
    start: where to begin; its identity is kept when ``fix_identity``; ``smoothness`` pulls the
           coefficients towards its own, for video.
    shape: ``[468, 3]`` cm, the face that the coefficients displace, in place of an identity's
           (:func:`rest_shape`).
    """
    basis = LandmarkBasis.load()
    target = np.asarray(landmarks, np.float64)[:468, :2]
    unit = float(canthus_distance(target))
    modes = len(basis.identity)
    identity = np.zeros(modes) if start is None else start.identity
    face = np.zeros(len(ARKIT)) if start is None else start.face
    pose = _initial_pose(basis.neutral, target) if start is None else start.pose
    previous, prior = face, _coefficient_prior(2.5)
    free = 0 if fix_identity or shape is not None else modes
    weight = _weights() / (_SIGMA * unit)

    for _ in range(iterations):
        current = Fit(pose, identity, face, 0.0)
        points = current.points(basis, shape)
        residual = target - pose.project(points)
        jacobian = np.empty((468, 2, 6 + free + len(ARKIT)))
        for j, step in enumerate((1e-4, 1e-4, 1e-4, 1e-3, 1e-3, 1e-3)):
            delta = np.zeros(6)
            delta[j] = step
            jacobian[:, :, j] = (pose._moved(delta).project(points) - (target - residual)) / step
        if free:
            jacobian[:, :, 6 : 6 + free] = np.moveaxis(
                pose.project_displacement(points, basis.identity), 0, -1
            )
        jacobian[:, :, 6 + free :] = np.moveaxis(
            pose.project_displacement(points, basis.expression), 0, -1
        )
        # Cauchy-like weights: one landmark on hair or hand must not bend the face.
        robust = (1 + ((residual**2).sum(1) / unit**2) / _ROBUST**2) ** -0.25
        w = (weight * robust)[:, None]
        n = jacobian.shape[-1]
        rows = [(jacobian * w[..., None]).reshape(-1, n)]
        values = [(residual * w).ravel()]
        if free:
            rows.append(np.eye(n)[6 : 6 + free])
            values.append(-identity)
        rows.append(prior[:, None] * np.eye(n)[6 + free :])
        values.append(-prior * face)
        if smoothness:
            rows.append(smoothness * np.eye(n)[6 + free :])
            values.append(smoothness * (previous - face))
        lower = np.r_[np.full(6, -np.inf), -3.0 - identity[:free], -face] - 1e-9
        upper = np.r_[np.full(6, np.inf), 3.0 - identity[:free], 1.0 - face] + 1e-9
        # Solve on the triangular factor: 159 unknowns instead of a thousand rows.
        q, r = qr(np.concatenate(rows), mode="economic")
        delta = lsq_linear(r, q.T @ np.concatenate(values), (lower, upper), method="bvls").x
        pose = pose._moved(delta[:6])
        if free:
            identity = identity + delta[6 : 6 + free]
        face = np.clip(face + delta[6 + free :], 0.0, 1.0)
        if np.abs(delta[:3]).max() < 1e-4 and np.abs(delta[6 + free :]).max() < 2e-3:
            break

    result = Fit(pose, identity, face, 0.0)
    miss = np.linalg.norm(pose.project(result.points(basis, shape)) - target, axis=1)
    return replace(result, error=float(miss[list(_EYES_AND_LIPS)].mean() / unit))


def rest_shape(landmarks: NDArray[np.floating]) -> tuple[NDArray[np.float64], Fit]:
    """``[468, 3]`` cm: a face that projects exactly to these landmarks, and the fit that placed it.

    Its expression counts as rest, so that coefficients fitted from it start at zero.
    """
    basis = LandmarkBasis.load()
    placed = fit(landmarks)
    points = placed.points(basis)
    miss = np.asarray(landmarks, np.float64)[:468, :2] - placed.pose.project(points)
    sideways = np.c_[miss * (1, -1) / placed.pose.scale, np.zeros(len(points))]
    shape = points + sideways @ Rotation.from_rotvec(placed.pose.rotation).as_matrix()
    return shape, replace(placed, face=np.zeros(len(ARKIT)))


def track_from_rest(
    frames: Iterable[NDArray[np.floating]], rest: NDArray[np.floating], smoothness: float = 1.5
) -> Iterator[Fit]:
    """Coefficients of every frame relative to a rest frame of the same person.

    frames, rest: landmarks ``[468 or 478, 2 or 3]``.
    """
    shape, state = rest_shape(rest)
    for landmarks in frames:
        state = fit(landmarks, state, smoothness=smoothness, iterations=4, shape=shape)
        yield state


def track(
    frames: Iterable[NDArray[np.floating]], *, smoothness: float = 1.5, enrol: int = 10
) -> Iterator[Fit]:
    """Fit every frame of one person's video: one identity, coefficients that change smoothly.

    frames: landmarks ``[468 or 478, 2 or 3]`` of each frame. The identity is the mean over
    ``enrol`` frames spread over the video.
    """
    sequence = list(frames)
    spread = np.linspace(0, len(sequence) - 1, min(enrol, len(sequence))).astype(int)
    enrolled = [fit(sequence[i]) for i in spread]
    identity = np.mean([f.identity for f in enrolled], axis=0)
    state = fit(sequence[0], replace(enrolled[0], identity=identity), fix_identity=True)
    for landmarks in sequence:
        state = fit(landmarks, state, fix_identity=True, smoothness=smoothness, iterations=4)
        yield state
