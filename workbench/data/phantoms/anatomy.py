"""One arm, from the ribs to the finger tips, as bodies in space; a body part is a window on it.

The frame is that of the forearm, in millimetres: the elbow joint is at (0, 0, 0), the hand points up (-y), the upper
arm down, the thumb to the left (-x), the back of the hand away from the tube (+z).
"""

from dataclasses import dataclass, replace

import numpy as np

from workbench.core.seeding import derived_generator
from workbench.data.phantoms import shapes
from workbench.data.phantoms.bodies import Body, Matrix, Outline, Vector, egg, rod

WRIST_Y = -240.0
BONE_SHELL, BONE_CORE = 0.110, 0.033
"""Attenuation of cortical and of spongy bone per millimetre, beyond the soft tissue that it displaces."""
TISSUE_SHELL, TISSUE_CORE = 0.0165, 0.0205
"""Attenuation of fat and of muscle per millimetre."""
FINGER_NAMES = ("thumb", "index", "middle", "ring", "little")


@dataclass(frozen=True)
class Posture:
    """How the joints stand while the film is taken.

    Parameters
    ----------
    elbow_deg
        Bend of the elbow; 0 is a straight arm.
    curl_deg
        Bend of each finger at its base, thumb first; a lateral hand fans its fingers.
    beside_trunk
        Whether ribs and trunk are on the film; an arm lifted away from the body leaves them out.
    """

    elbow_deg: float = 0.0
    curl_deg: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    beside_trunk: bool = True


@dataclass(frozen=True)
class Arm:
    """The bones and the soft tissue of one patient in one posture."""

    bones: tuple[Body, ...]
    tissues: tuple[Body, ...]


class _Variation:
    """What makes a patient: factors per bone, drawn in a fixed order whatever is shown of them."""

    def __init__(self, seed: int) -> None:
        generator = derived_generator(seed, "anatomy")
        self.girth = float(np.clip(generator.normal(1.0, 0.06), 0.85, 1.15))
        self.density = float(np.clip(generator.normal(1.0, 0.10), 0.75, 1.25))
        self.stoutness = float(np.clip(generator.normal(1.0, 0.10), 0.8, 1.25))
        self.spread = float(generator.normal(1.0, 0.12))
        self._jitter = np.clip(generator.normal(size=(64, 3)), -2.0, 2.0)
        self._next = 0

    def jitter(self) -> np.ndarray:
        """Return the next three numbers, about -1 to 1 each."""
        self._next += 1
        return self._jitter[self._next - 1]


def draw_arm(seed: int, posture: Posture) -> Arm:
    """Return the arm of the patient called ``seed`` in a posture; the bones are the same in every posture."""
    variation = _Variation(seed)
    forearm = _forearm(variation)
    hand, hand_tissue = _hand(variation, posture)
    upper, upper_tissue = _upper_arm(variation, posture)
    turn = rotation_x(posture.elbow_deg)
    bones = (*forearm, *hand, *(_turned(body, turn) for body in upper))
    tissues = (*_forearm_tissue(variation), *hand_tissue, *(_turned(body, turn) for body in upper_tissue))
    return Arm(bones, tissues)


def rotation_x(angle_deg: float) -> Matrix:
    """Return the rotation about the x axis that takes +y towards -z."""
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


def vector(x: int | float, y: int | float, z: int | float) -> Vector:
    """Return a point or direction."""
    return np.array([x, y, z], dtype=float)


def frame_of(axis: Vector, towards: Vector) -> tuple[Vector, Vector]:
    """Return two unit vectors square to ``axis`` and each other, the first as near to ``towards`` as can be."""
    axis = axis / np.linalg.norm(axis)
    side = towards - (towards @ axis) * axis
    side /= np.linalg.norm(side)
    depth = vector(  # numpy's cross product is many times slower on single vectors
        axis[1] * side[2] - axis[2] * side[1],
        axis[2] * side[0] - axis[0] * side[2],
        axis[0] * side[1] - axis[1] * side[0],
    )
    return side, depth if depth[2] >= 0 else -depth


def bone(name: str, start: Vector, end: Vector, shape: Outline, **changes: object) -> Body:
    """Return a body of bone whose side points away from the thumb."""
    towards = vector(1, 0, 0) if abs(end[0] - start[0]) < 0.9 * np.linalg.norm(end - start) else vector(0, 1, 0)
    side, depth = frame_of(end - start, towards)
    body = Body(name, start, end, side, depth, shape, BONE_SHELL, BONE_CORE, texture=1.0)
    return replace(body, **changes)  # type: ignore[arg-type]  # the fields are checked by Body itself


def tissue(name: str, start: Vector, end: Vector, shape: Outline, girth: float = 1.0) -> Body:
    """Return a body of soft tissue: fat around muscle."""
    changes = {"shell_density": TISSUE_SHELL, "core_density": TISSUE_CORE, "texture": 0.0, "girth": girth}
    return bone(name, start, end, shape, **changes)


def _varied(variation: _Variation, body: Body) -> Body:
    shell, girth, slant = variation.jitter()
    return replace(
        body,
        girth=body.girth * variation.girth * (1.0 + 0.04 * girth),
        slant=(body.slant[0] + 0.03 * slant, body.slant[1] - 0.03 * slant),
        shell_density=body.shell_density * variation.density * (1.0 + 0.04 * shell),
        core_density=body.core_density * variation.density,
    )


def _forearm(variation: _Variation) -> tuple[Body, ...]:
    radius = bone(
        "radius", vector(-13, -4, -4), vector(-7, WRIST_Y + 2, 0), shapes.RADIUS, slant=(0.0, -0.33), hollow=0.5
    )
    ulna = bone("ulna", vector(8, 21, 0), vector(16, WRIST_Y + 9, 4), shapes.ULNA, slant=(0.0, 0.1), hollow=0.5)
    styloid = bone("styloid", vector(21, WRIST_Y + 12, 6), vector(22, WRIST_Y + 3, 6), rod(2.4, 0.8, cap=0.4))
    return tuple(_varied(variation, body) for body in (radius, ulna, styloid))


def _forearm_tissue(variation: _Variation) -> tuple[Body, ...]:
    return (
        tissue("forearm", vector(0, 25, 2), vector(0, WRIST_Y - 14, 0), shapes.FOREARM_TISSUE, variation.stoutness),
    )


def _hand(variation: _Variation, posture: Posture) -> tuple[tuple[Body, ...], tuple[Body, ...]]:
    bones: list[Body] = []
    tissues: list[Body] = []
    for name, centre, half_axis, shape in shapes.CARPALS:
        middle, arm = vector(*centre) + vector(0, WRIST_Y, 0), vector(*half_axis, 0)
        bones.append(_varied(variation, bone(name, middle - arm, middle + arm, shape)))
    for index, ray in enumerate(shapes.RAYS):
        ray_bones, ray_tissues = _finger(variation, index, ray, posture.curl_deg[index])
        bones += ray_bones
        tissues += ray_tissues
    palm = tissue("palm", vector(2, WRIST_Y + 6, 0), vector(3, WRIST_Y - 120, 0), shapes.PALM_TISSUE)
    return tuple(bones), (palm, *tissues)


def _finger(
    variation: _Variation, index: int, ray: dict[str, object], curl_deg: float
) -> tuple[list[Body], list[Body]]:
    """Return the bones and the soft tissue of one ray, each joint a little more bent than the last."""
    lengths, angle = np.array(ray["lengths_mm"]), float(ray["angle_deg"]) * variation.spread  # type: ignore[arg-type]
    place = vector(*ray["base"]) + vector(0, WRIST_Y, 0)  # type: ignore[misc]
    wobble = variation.jitter()
    bones: list[Body] = []
    tissues: list[Body] = []
    bend = 0.0
    for joint, length in enumerate(lengths):
        if joint:
            bend += curl_deg * (0.7 if joint == 1 else 0.5) + 4.0
        direction = rotation_z(angle + 2.5 * wobble[min(joint, 2)]) @ rotation_x(bend) @ vector(0, -1, 0)
        end = place + direction * float(length)
        shape = shapes.METACARPAL if joint == 0 else shapes.TIP_PHALANX if joint == len(lengths) - 1 else shapes.PHALANX
        girth = float(ray["girth"]) * (1.0, 1.0, 0.86, 0.86)[joint]  # type: ignore[arg-type]
        name = f"{FINGER_NAMES[index]} {'metacarpal' if joint == 0 else f'phalanx {joint}'}"
        bones.append(_varied(variation, bone(name, place, end, shape, girth=girth, hollow=0.4)))
        if joint or index == 0:
            tissues.append(_finger_tissue(variation, name, place - direction * (0.0 if joint > 1 else 8.0), end, joint))
        place = end + direction * (2.0 - 0.3 * joint)
    return bones, tissues


def _finger_tissue(variation: _Variation, name: str, start: Vector, end: Vector, joint: int) -> Body:
    width = (1.2, 1.05, 0.95, 0.87)[joint] * variation.stoutness**0.5
    reach = (end - start) / np.linalg.norm(end - start) * 4.5
    return tissue(name, start - reach, end + reach, shapes.FINGER_TISSUE, width)


def _upper_arm(variation: _Variation, posture: Posture) -> tuple[tuple[Body, ...], tuple[Body, ...]]:
    humerus = bone("humerus", vector(-1, 309, 0), vector(-3, 1.5, 0), shapes.HUMERUS, slant=(0.12, 0.06), hollow=0.6)
    fossa = bone("fossa", vector(1, 32, 0), vector(1, 14, 0), egg(8.5, 4.0), shell_density=-0.07, core_density=-0.07)
    girdle = (
        bone("scapula", vector(33, 283, 4), vector(98, 246, 18), shapes.SCAPULA),
        bone("scapula border", vector(44, 272, 6), vector(74, 186, 18), rod(3.4, 1.4, cap=0.1)),
        bone("acromion", vector(92, 306, 34), vector(8, 327, 16), shapes.ACROMION),
        bone("coracoid", vector(50, 300, 2), vector(28, 306, -26), rod(6.0, 1.3, cap=0.3)),
        bone("clavicle", vector(158, 326, -30), vector(24, 331, 8), shapes.CLAVICLE),
        *_ribs(),
    )
    varied = [_varied(variation, body) for body in (humerus, fossa, *girdle)]
    tissues = _upper_tissue(variation)
    return (tuple(varied), tissues) if posture.beside_trunk else (tuple(varied[:2]), tissues[:1])


def _ribs() -> list[Body]:
    """Return the upper ribs, each a bow that falls away from the spine around the lung."""
    ribs: list[Body] = []
    for index in range(5):
        top, reach = 312.0 - 27.0 * index, 98.0 - 6.0 * index
        start, end = vector(172, top, 34), vector(reach, top - 44, -22)
        side, depth = frame_of(end - start, vector(-0.3, 1, 0))
        ribs.append(replace(bone(f"rib {index}", start, end, shapes.RIB), side=side, depth=depth))
    return ribs


def _upper_tissue(variation: _Variation) -> tuple[Body, ...]:
    stout = variation.stoutness
    return (
        tissue("upper arm", vector(-2, -22, 0), vector(-2, 348, 0), shapes.UPPER_ARM_TISSUE, stout),
        tissue("trunk", vector(178, 60, 0), vector(150, 356, 0), shapes.TRUNK_TISSUE, stout**0.5),
        tissue("shoulder", vector(8, 300, 0), vector(190, 348, 0), shapes.SHOULDER_TISSUE, stout),
    )


def _turned(body: Body, turn: Matrix) -> Body:
    """Return a body rotated about the elbow."""
    return replace(body, start=turn @ body.start, end=turn @ body.end, side=turn @ body.side, depth=turn @ body.depth)
