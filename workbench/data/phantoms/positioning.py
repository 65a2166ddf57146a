"""How a radiographer takes each body part: the window on the arm, the posture, and the exposure."""

from dataclasses import dataclass

import numpy as np

from workbench.core.seeding import derived_generator
from workbench.data.phantoms.anatomy import Posture
from workbench.data.phantoms.bodies import Camera, Vector
from workbench.data.phantoms.frames import rotation_x, rotation_y, rotation_z, vector
from workbench.data.phantoms.hand import WRIST_Y
from workbench.data.phantoms.options import PhantomOptions


@dataclass(frozen=True)
class Window:
    """The film of one body part.

    Parameters
    ----------
    centre
        Where the central ray goes, in the frame of the forearm; ``elbow_bent`` films follow the joint.
    height_mm
        Height of the film.
    upright_deg
        Rotation in the film that brings the part the usual way up.
    penetration
        How much of the tissue's attenuation reaches the film; harder rays for thicker parts.
    lateral_elbow_deg
        Bend of the elbow on the lateral film.
    lateral_deg
        How far the lateral film is turned from the frontal one; a shoulder's is a scapular Y.
    """

    centre: tuple[float, float, float]
    height_mm: float
    upright_deg: float
    penetration: float
    lateral_elbow_deg: float = 0.0
    lateral_deg: float = 86.0


WINDOWS = {
    "elbow": Window((0.0, 2.0, 0.0), 150.0, 180.0, 0.55, 82.0),
    "finger": Window((-26.0, WRIST_Y - 116.0, 0.0), 104.0, 0.0, 1.0),
    "forearm": Window((3.0, -130.0, 0.0), 275.0, 0.0, 0.65, 80.0, lateral_deg=78.0),
    "hand": Window((-4.0, WRIST_Y - 80.0, 0.0), 222.0, 0.0, 0.9),
    "humerus": Window((4.0, 168.0, 0.0), 320.0, 180.0, 0.45),
    "shoulder": Window((36.0, 270.0, 0.0), 190.0, 180.0, 0.34, lateral_deg=58.0),
    "wrist": Window((3.0, WRIST_Y + 6.0, 0.0), 128.0, 0.0, 0.85),
}
VIEW_SHARE = {"pa": 0.0, "lateral": 1.0, "oblique": 0.5}
"""How much of the way to the lateral film a view is turned."""


@dataclass(frozen=True)
class Exposure:
    """One shot: the rays, the detector and the shutters.

    Parameters
    ----------
    photons
        Quanta that reach a pixel beside the body.
    scatter
        Share of the primary rays that comes back as a veil.
    blur_px
        Standard deviation of the detector's blur.
    brightness
        Slope from attenuation to brightness, in units of what the thick parts of the body attenuate.
    toe, contrast
        Brightness beside the body, and exponent.
    heel
        How much stronger the tube shines at the right and at the lower edge than at the opposite ones.
    sharpness, sharpening_px
        What the console adds of the difference from the neighbourhood, and how wide that is.
    shutter
        How far the collimator's four blades (left, top, right, bottom) stand in the film, as shares.
    shutter_deg
        Their rotation.
    """

    photons: float
    scatter: float
    blur_px: float
    brightness: float
    toe: float
    contrast: float
    heel: tuple[float, float]
    sharpness: float
    sharpening_px: int
    penetration: float
    shutter: tuple[float, float, float, float]
    shutter_deg: float


def posture_of(options: PhantomOptions, seed: int) -> Posture:
    """Return how the joints stand on a film."""
    generator = derived_generator(seed, "posture", options.view, options.study)
    wobble = np.clip(generator.normal(size=6), -2.0, 2.0)
    folded = options.body_part == "finger"
    fan = VIEW_SHARE[options.view] if options.view == "lateral" or not folded else 0.0
    spread = (6.0, 4.0, 82.0, 88.0, 90.0) if folded else (2.0, 34.0, 22.0, 12.0, 2.0)
    curl = tuple(4.0 + 3.0 * float(wobble[k]) + fan * spread[k] for k in range(5))
    bend = WINDOWS[options.body_part].lateral_elbow_deg if options.view == "lateral" else 0.0
    beside_trunk = options.body_part == "shoulder" or (options.body_part == "humerus" and options.view == "pa")
    with_hand = options.body_part in ("finger", "forearm", "hand", "wrist")
    with_upper_arm = options.body_part in ("elbow", "forearm", "humerus", "shoulder")
    return Posture(bend + 5.0 * abs(float(wobble[5])), curl, beside_trunk, with_hand, with_upper_arm)


def camera_of(options: PhantomOptions, seed: int, posture: Posture) -> Camera:
    """Return where the film stands; rotation, shift and magnification differ from film to film."""
    generator = derived_generator(seed, "positioning", options.view, options.study)
    tilt, roll, yaw = np.clip(generator.normal(size=3), -2.0, 2.0) * (5.0, 4.0, 7.0)
    shift, zoom = generator.uniform(-0.05, 0.05, size=2), generator.uniform(0.93, 1.1)
    if options.cropped:  # as if cut out of a larger film, off the middle
        zoom, shift = (
            zoom * generator.uniform(1.3, 1.6),
            shift + generator.uniform(0.06, 0.14, size=2) * _signs(generator),
        )
    window = WINDOWS[options.body_part]
    upright = window.upright_deg - (45.0 if posture.elbow_deg > 45 and options.body_part == "elbow" else 0.0)
    turn = (
        rotation_z(upright + yaw) @ rotation_x(roll) @ rotation_y(VIEW_SHARE[options.view] * window.lateral_deg + tilt)
    )
    if options.laterality == "R":
        turn = np.diag([-1.0, 1.0, 1.0]) @ turn
    spacing = window.height_mm / options.height / zoom
    shift_mm = (float(shift[0]) * options.width * spacing, float(shift[1]) * options.height * spacing)
    return Camera(turn, _centre(window, options, posture), shift_mm, spacing, (options.height, options.width))


def _signs(generator: np.random.Generator) -> np.ndarray:
    return generator.choice([-1.0, 1.0], size=2)


def _centre(window: Window, options: PhantomOptions, posture: Posture) -> Vector:
    centre = vector(*window.centre)
    if options.body_part in ("humerus", "shoulder"):
        return rotation_x(posture.elbow_deg) @ centre
    return centre


def exposure_of(options: PhantomOptions, seed: int) -> Exposure:
    """Return the exposure of a film; nothing here knows the label."""
    generator = derived_generator(seed, "exposure", options.view, options.study)
    window = WINDOWS[options.body_part]
    blades = np.maximum(generator.normal(0.01, 0.024, size=4), -0.01)
    fine = options.height / 512
    heel = generator.uniform(-0.16, 0.16, size=2)
    return Exposure(
        photons=float(np.exp(generator.uniform(np.log(1500), np.log(6000)) + 2.2 * options.exposure)),
        scatter=float(generator.uniform(0.02, 0.08)),
        blur_px=float(generator.uniform(0.75, 1.05)) * max(fine, 0.6),
        brightness=float(np.exp(generator.normal(-0.02, 0.10) - 0.75 * options.exposure)),
        toe=float(generator.uniform(0.02, 0.09)),
        contrast=float(generator.uniform(0.95, 1.25)),
        heel=(float(heel[0]), float(heel[1])),
        sharpness=float(generator.uniform(0.2, 0.6)),
        sharpening_px=2 * round(9 * fine) + 1,
        penetration=window.penetration,
        shutter=(float(blades[0]), float(blades[1]), float(blades[2]), float(blades[3])),
        shutter_deg=float(generator.normal(0.0, 2.5)),
    )
