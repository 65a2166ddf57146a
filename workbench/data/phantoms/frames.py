"""Points, rotations and directions in the frame of the forearm, in millimetres.

The elbow joint is at (0, 0, 0), the hand points up (-y), the upper arm down, the thumb to the left (-x), the back of
the hand away from the tube (+z).
"""

import numpy as np

from workbench.data.phantoms.bodies import Matrix, Vector


def vector(x: int | float, y: int | float, z: int | float) -> Vector:
    """Return a point or direction."""
    return np.array([x, y, z], dtype=float)


def rotation_x(angle_deg: float) -> Matrix:
    """Return the rotation about the x axis that takes +y towards -z: the upper arm of a bent elbow."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


def rotation_y(angle_deg: float) -> Matrix:
    """Return the rotation about the y axis, the arm's own: this is what tells the views apart."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rotation_z(angle_deg: float) -> Matrix:
    """Return the rotation in the plane of the film."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def frame_of(axis: Vector, towards: Vector) -> tuple[Vector, Vector]:
    """Return two unit vectors square to ``axis`` and each other, the first as near to ``towards`` as can be."""
    axis = axis / np.linalg.norm(axis)
    side = towards - (towards @ axis) * axis
    side /= np.linalg.norm(side)
    depth = crossed(axis, side)
    return side, depth if depth[2] >= 0 else -depth


def crossed(a: Vector, b: Vector) -> Vector:
    """Return the cross product; numpy's own is many times slower on single vectors."""
    return vector(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
