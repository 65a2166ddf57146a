"""Where in each body part something may be wrong."""

from dataclasses import dataclass

from workbench.data.phantoms.bodies import Body, Vector
from workbench.data.phantoms.hand import FINGER_NAMES


@dataclass(frozen=True)
class Site:
    """Where on a bone something may be wrong, as shares of its length, and which metal surgeons put there."""

    bone: str
    low: float
    high: float
    implants: tuple[str, ...] = ("plate", "screws")


@dataclass(frozen=True)
class Joint:
    """A joint that may wear: the end (0 start, 1 end) of a bone, the bone across, and the gap between them."""

    bone: str
    end: int
    partner: str
    gap_mm: float


@dataclass(frozen=True)
class Slip:
    """A joint that may give way.

    Parameters
    ----------
    moved
        Bones that move as one, beginning with the one at the joint.
    end
        The end of the first bone that slips.
    reach_mm
        How far at most.
    direction
        Where to, in the frame of the forearm (away from the thumb, towards the shoulder, towards the back); zeros for
        any direction across the bone.
    pinned
        Whether the other end of the bone stays where it is.
    """

    moved: tuple[str, ...]
    end: int
    reach_mm: float
    direction: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pinned: bool = False


@dataclass(frozen=True)
class Abnormality:
    """The bones as they are now, the metal among them, and where a reader should look.

    Parameters
    ----------
    places
        Spheres (centre, radius in millimetres) around the evidence; metal is evidence by itself.
    """

    bones: tuple[Body, ...]
    metals: tuple[Body, ...] = ()
    places: tuple[tuple[Vector, float], ...] = ()


_SMALL = ("plate", "wires", "screws")
SITES: dict[str, tuple[Site, ...]] = {
    "elbow": (
        Site("humerus", 0.83, 0.91, ("plate", "wires", "screws")),
        Site("radius", 0.06, 0.13, ("plate", "screws", "head")),
        Site("ulna", 0.06, 0.20, ("plate", "wires")),
    ),
    "finger": (
        Site("index phalanx 1", 0.2, 0.8, (*_SMALL, "joint")),
        Site("index phalanx 2", 0.2, 0.75, _SMALL),
        Site("middle phalanx 1", 0.25, 0.75, _SMALL),
    ),
    "forearm": (Site("radius", 0.35, 0.8, ("plate", "nail")), Site("ulna", 0.35, 0.8, ("plate", "nail"))),
    "hand": (
        *(Site(f"{name} metacarpal", 0.25, 0.85, (*_SMALL, "joint")) for name in FINGER_NAMES[1:]),
        *(Site(f"{name} phalanx 1", 0.2, 0.75, _SMALL) for name in FINGER_NAMES[1:]),
    ),
    "humerus": (Site("humerus", 0.25, 0.72, ("plate", "nail")),),
    "shoulder": (
        Site("humerus", 0.11, 0.22, ("plate", "nail", "screws", "prosthesis")),
        Site("clavicle", 0.55, 0.85, ("plate",)),
    ),
    "wrist": (
        Site("radius", 0.87, 0.955, _SMALL),
        Site("radius", 0.87, 0.955, _SMALL),
        Site("ulna", 0.86, 0.94, (*_SMALL, "head")),
    ),
}
_KNUCKLES = (
    *(Joint(f"{name} phalanx 1", 1, f"{name} phalanx 2", 1.4) for name in FINGER_NAMES[1:]),
    *(Joint(f"{name} phalanx 2", 1, f"{name} phalanx 3", 1.1) for name in FINGER_NAMES[1:]),
    *(Joint(f"{name} metacarpal", 1, f"{name} phalanx 1", 1.5) for name in FINGER_NAMES[1:4]),
)
JOINTS: dict[str, tuple[Joint, ...]] = {
    "elbow": (Joint("radius", 0, "humerus", 1.8), Joint("humerus", 1, "ulna", 1.2)),
    "finger": (_KNUCKLES[0], _KNUCKLES[0], _KNUCKLES[8], _KNUCKLES[1]),
    "forearm": (Joint("radius", 1, "ulna", 2.2), Joint("radius", 0, "ulna", 1.8)),
    "hand": (
        *_KNUCKLES,
        Joint("thumb metacarpal", 0, "trapezium", 1.6),
        Joint("thumb metacarpal", 0, "trapezium", 1.6),
    ),
    "humerus": (Joint("humerus", 0, "scapula", 3.0),),
    "shoulder": (Joint("humerus", 0, "scapula", 3.5),),
    "wrist": (Joint("radius", 1, "ulna", 2.4), Joint("thumb metacarpal", 0, "trapezium", 1.6)),
}


def _ray(name: str, first: int) -> tuple[str, ...]:
    joints = ("metacarpal", "phalanx 1", "phalanx 2", "phalanx 3")
    return tuple(f"{name} {joint}" for joint in joints[first : 3 if name == "thumb" else 4])


SLIPS: dict[str, tuple[Slip, ...]] = {
    "elbow": (
        Slip(("radius",), 0, 15.0, (-0.5, -0.2, -0.8), pinned=True),
        Slip(("ulna",), 0, 15.0, (0.5, 0.6, 0.6), pinned=True),
    ),
    "finger": (Slip(_ray("index", 2), 0, 9.0), Slip(_ray("index", 1), 0, 10.0), Slip(_ray("middle", 2), 0, 9.0)),
    "forearm": (
        Slip(("radius",), 0, 17.0, (-0.5, 0.1, -0.8), pinned=True),
        Slip(("ulna",), 1, 14.0, (0.6, 0.0, 0.8), pinned=True),
    ),
    "hand": (
        *(Slip(_ray(name, 1), 0, 10.0) for name in FINGER_NAMES[1:]),
        *(Slip(_ray(name, 2), 0, 8.5) for name in FINGER_NAMES[1:]),
        Slip(_ray("thumb", 0), 0, 9.0, (-0.9, 0.2, -0.4)),
    ),
    "humerus": (Slip(("humerus",), 0, 26.0, (0.6, -0.7, -0.4), pinned=True),),
    "shoulder": (
        Slip(("humerus",), 0, 30.0, (0.7, -0.6, -0.4), pinned=True),
        Slip(("humerus",), 0, 22.0, (-0.3, -0.9, 0.2), pinned=True),
        Slip(("clavicle",), 1, 16.0, (0.1, 0.9, 0.2), pinned=True),
    ),
    "wrist": (
        Slip(("lunate",), 0, 11.0, (0.5, 0.2, -0.8)),
        Slip(("scaphoid",), 0, 7.0, (-0.9, 0.3, -0.3)),
        Slip(("ulna",), 1, 12.0, (0.6, 0.0, 0.8), pinned=True),
        Slip(_ray("thumb", 0), 0, 9.0, (-0.9, 0.2, -0.4)),
    ),
}


def named(bones: tuple[Body, ...], name: str) -> Body:
    """Return the bone of a name."""
    return next(body for body in bones if body.name == name)


def swapped(bones: tuple[Body, ...], changes: dict[str, Body]) -> tuple[Body, ...]:
    """Return the bones with some of them changed; the others are the same objects."""
    return tuple(changes.get(body.name, body) for body in bones)
