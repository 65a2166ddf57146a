"""One arm, from the ribs to the finger tips, as bodies in space; a body part is a window on it."""

from dataclasses import dataclass, replace

from workbench.data.phantoms import shapes
from workbench.data.phantoms.bodies import Body, Matrix
from workbench.data.phantoms.frames import frame_of, rotation_x, vector
from workbench.data.phantoms.hand import WRIST_Y, draw_hand
from workbench.data.phantoms.patient import Patient
from workbench.data.phantoms.tissue import tissue


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
    with_hand, with_upper_arm
        Whether the film reaches so far; what it does not reach need not be drawn.
    """

    elbow_deg: float = 0.0
    curl_deg: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    beside_trunk: bool = True
    with_hand: bool = True
    with_upper_arm: bool = True


@dataclass(frozen=True)
class Arm:
    """The bones and the soft tissue of one patient in one posture.

    Parameters
    ----------
    tissues
        Stretches of limb and trunk, which go over into one another.
    digits
        The ball of the thumb and stretches of the fingers, between which there may be air.
    lungs
        Where there is less than muscle.
    """

    bones: tuple[Body, ...]
    tissues: tuple[Body, ...]
    digits: tuple[Body, ...]
    lungs: tuple[Body, ...] = ()


def draw_arm(seed: int, posture: Posture) -> Arm:
    """Return the arm of the patient called ``seed`` in a posture; the bones are the same in every posture."""
    patient = Patient(seed)
    hand, palm, digits = draw_hand(patient, posture.curl_deg) if posture.with_hand else ((), (), ())
    turn = rotation_x(posture.elbow_deg)
    upper, upper_tissue, lungs = (
        tuple(_turned(body, turn) for body in bodies) for bodies in _upper_arm(patient, posture)
    )
    forearm = tissue("forearm", vector(0, 22, 2), vector(0, WRIST_Y - 14, 0), shapes.FOREARM_TISSUE, patient.stoutness)
    return Arm((*_forearm(patient), *hand, *upper), (forearm, *palm, *upper_tissue), digits, lungs)


def _forearm(patient: Patient) -> tuple[Body, ...]:
    radius = patient.bone(
        "radius",
        vector(-13, -10.5, -4),
        vector(-7, WRIST_Y - 1.0, 0),
        shapes.RADIUS,
        slant=(0.0, -0.28),
        hollow=0.75,
        lobes=shapes.RADIUS_LOBES,
        carves=shapes.RADIUS_HOLLOWS,
    )
    ulna = patient.bone(
        "ulna",
        vector(8, 17, 9),
        vector(17, WRIST_Y + 5, 4),
        shapes.ULNA,
        slant=(0.0, 0.08),
        hollow=0.75,
        lobes=shapes.ULNA_LOBES,
        carves=shapes.ULNA_HOLLOWS,
    )
    return radius, ulna


def _upper_arm(patient: Patient, posture: Posture) -> tuple[tuple[Body, ...], tuple[Body, ...], tuple[Body, ...]]:
    if not posture.with_upper_arm:
        return (), (), ()
    humerus = patient.bone(
        "humerus",
        vector(-1, 309, 0),
        vector(-2, 0, 0),
        shapes.HUMERUS,
        hollow=0.8,
        lobes=shapes.HUMERUS_LOBES,
        carves=shapes.HUMERUS_HOLLOWS,
    )
    stout = patient.stoutness
    upper = tissue("upper arm", vector(-2, -20, 0), vector(-2, 348, 0), shapes.UPPER_ARM_TISSUE, stout)
    if not posture.beside_trunk:
        return (humerus,), (upper,), ()
    trunk = (
        tissue("trunk", vector(178, 60, 0), vector(150, 356, 0), shapes.TRUNK_TISSUE, stout**0.5),
        tissue("shoulder", vector(8, 300, 0), vector(190, 348, 0), shapes.SHOULDER_TISSUE, stout),
    )
    lung = tissue("lung", vector(176, 90, 0), vector(172, 322, 0), shapes.LUNG)
    return (humerus, *_girdle(patient), *_ribs(patient)), (upper, *trunk), (lung,)


def _girdle(patient: Patient) -> tuple[Body, ...]:
    """Return the scapula, piece by piece, and the clavicle."""
    return (
        patient.bone("scapula", vector(34, 284, 2), vector(108, 262, 26), shapes.BLADE, lobes=shapes.GLENOID_LOBES),
        patient.bone(
            "scapula border", vector(40, 285, 3), vector(82, 172, 20), shapes.LATERAL_BORDER, shell_density=0.075
        ),
        patient.bone(
            "acromion",
            vector(94, 278, 32),
            vector(0, 330, 10),
            shapes.SPINE,
            lobes=shapes.ACROMION_LOBES,
            shell_density=0.08,
        ),
        patient.pebble("coracoid", shapes.CORACOID),
        patient.bone("clavicle", vector(162, 322, -30), vector(26, 335, 6), shapes.CLAVICLE, hollow=0.5),
    )


def _ribs(patient: Patient) -> list[Body]:
    """Return the upper ribs, each a bow from the spine round the lung and back to the front."""
    ribs: list[Body] = []
    for index in range(6):
        top, reach = 326.0 - 25.0 * index, 98.0 - 5.0 * index
        back, turn, front = vector(200, top, 58), vector(reach, top - 40, 0), vector(196, top - 92, -62)
        for name, start, end, shape in (
            (f"rib {index} back", back, turn, shapes.RIB_BACK),
            (f"rib {index} front", turn, front, shapes.RIB_FRONT),
        ):
            side, depth = frame_of(end - start, vector(-0.3, 1, 0))
            rib = patient.bone(name, start, end, shape, core_density=0.010, shell_density=0.05)
            ribs.append(replace(rib, side=side, depth=depth))
    return ribs


def _turned(body: Body, turn: Matrix) -> Body:
    """Return a body rotated about the elbow."""
    return replace(body, start=turn @ body.start, end=turn @ body.end, side=turn @ body.side, depth=turn @ body.depth)
