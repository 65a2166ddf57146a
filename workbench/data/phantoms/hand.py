"""The hand: carpal bones, five rays, and the soft tissue of palm and fingers."""

from collections.abc import Sequence

import numpy as np

from workbench.core.seeding import derived_generator
from workbench.data.phantoms import shapes
from workbench.data.phantoms.bodies import Body, Vector
from workbench.data.phantoms.frames import rotation_x, rotation_z, vector
from workbench.data.phantoms.patient import BONE_CORE, Patient
from workbench.data.phantoms.tissue import tissue

WRIST_Y = -240.0
FINGER_NAMES = ("thumb", "index", "middle", "ring", "little")
_SHAPES = (
    (shapes.METACARPAL, shapes.METACARPAL_LOBES, shapes.METACARPAL_HOLLOWS),
    (shapes.PHALANX, shapes.PHALANX_LOBES, shapes.PHALANX_HOLLOWS),
    (shapes.TIP_PHALANX, shapes.TIP_PHALANX_LOBES, shapes.TIP_PHALANX_HOLLOWS),
)


def draw_hand(
    patient: Patient, curl_deg: Sequence[float]
) -> tuple[tuple[Body, ...], tuple[Body, ...], tuple[Body, ...]]:
    """Return the bones, the soft tissue of the palm and that of the fingers, each bent by ``curl_deg`` at its base."""
    bones = [_carpal(patient, name) for name in shapes.CARPALS]
    stout = patient.stoutness**0.5
    palm = tissue("palm", vector(2, WRIST_Y + 8, 0), vector(3, WRIST_Y - 120, 0), shapes.PALM_TISSUE, stout)
    root, web = vector(-12, WRIST_Y - 4, -7), vector(-48, WRIST_Y - 80, -26)
    digits = [tissue("thenar", root, web, shapes.THENAR_TISSUE, stout)]
    for index in range(len(FINGER_NAMES)):
        ray_bones, ray_tissues = _finger(patient, index, curl_deg[index])
        bones += ray_bones
        digits += ray_tissues
    return tuple(bones), (palm,), tuple(digits)


def _carpal(patient: Patient, name: str) -> Body:
    knobs = [(x, y + WRIST_Y, *rest) for x, y, *rest in shapes.CARPALS[name]]
    hollow = shapes.CARPAL_HOLLOWS.get(name)
    carve = (hollow[0], hollow[1] + WRIST_Y, *hollow[2:]) if hollow else None
    return patient.pebble(name, knobs, carve, girth=1.04, core_density=1.25 * BONE_CORE)


def _finger(patient: Patient, index: int, curl_deg: float) -> tuple[list[Body], list[Body]]:
    """Return the bones and the soft tissue of one ray, each joint a little more bent than the last."""
    base, angle, dip, lengths, thick = shapes.RAYS[index]
    place = vector(*base) + vector(0, WRIST_Y, 0)
    wobble = derived_generator(patient.seed, "ray", index).uniform(-3.7, 3.7, size=3)
    bones: list[Body] = []
    tissues: list[Body] = []
    for joint, length in enumerate(lengths):
        last = joint == len(lengths) - 1
        if joint:
            dip += curl_deg * (0.7 if joint == 1 else 0.5) + (4.0 if index else 1.0)
        turn = rotation_z(angle * patient.spread + wobble[min(joint, 2)]) @ rotation_x(-dip)
        direction = turn @ vector(0, -1, 0)
        end = place + direction * length
        shape, lobes, hollows = _SHAPES[0 if joint == 0 else 2 if last else 1]
        name = f"{FINGER_NAMES[index]} {'metacarpal' if joint == 0 else f'phalanx {joint}'}"
        girth = thick * (1.0, 1.0, 0.86, 0.86)[joint]
        bones.append(patient.bone(name, place, end, shape, girth=girth, hollow=0.6, lobes=lobes, carves=hollows))
        if joint:
            start = place - direction * (0.0 if joint > 1 else 9.0)
            tissues.append(_finger_tissue(patient, name, start, end, joint, last=last))
        place = end + direction * (1.7 - 0.25 * joint)
    return bones, tissues


def _finger_tissue(patient: Patient, name: str, start: Vector, end: Vector, joint: int, *, last: bool) -> Body:
    width = (1.2, 1.08, 0.97, 0.88)[joint] * patient.stoutness**0.5
    axis = (end - start) / np.linalg.norm(end - start)
    shape = shapes.TIP_TISSUE if last else shapes.FINGER_TISSUE
    return tissue(name, start - axis * 4.5, end + axis * (4.0 if last else 4.5), shape, width)
