"""How a radiographer takes each body part: the window on the arm, the posture, and the exposure."""

from dataclasses import dataclass

import numpy as np

from workbench.core.seeding import derived_generator
from workbench.data.phantoms.anatomy import WRIST_Y, Posture, rotation_x, rotation_y, rotation_z, vector
from workbench.data.phantoms.bodies import Camera, Vector
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
    gain
        Brightness per attenuation.
    lateral_elbow_deg
        Bend of the elbow on the lateral film.
    lateral_gain
        Factor on the gain of the lateral film, where bones lie over one another.
    lateral_deg
        How far the lateral film is turned from the frontal one; a shoulder's is a scapular Y.
    """

    centre: tuple[float, float, float]
    height_mm: float
    upright_deg: float
    penetration: float
    gain: float
    lateral_elbow_deg: float = 0.0
    lateral_gain: float = 1.0
    lateral_deg: float = 86.0


WINDOWS = {
    "elbow": Window((0.0, 4.0, 0.0), 150.0, 180.0, 0.38, 0.50, 82.0, lateral_gain=0.82),
    "finger": Window((-26.0, WRIST_Y - 116.0, 0.0), 104.0, 0.0, 0.95, 0.82, lateral_gain=0.40),
    "forearm": Window((3.0, -142.0, 0.0), 215.0, 0.0, 0.45, 0.53, 80.0, lateral_gain=0.84, lateral_deg=78.0),
    "hand": Window((0.0, WRIST_Y - 80.0, 0.0), 214.0, 0.0, 0.80, 0.70, lateral_gain=0.48),
    "humerus": Window((4.0, 196.0, 0.0), 245.0, 180.0, 0.30, 0.42),
    "shoulder": Window((22.0, 280.0, 0.0), 180.0, 180.0, 0.24, 0.42, lateral_deg=58.0),
    "wrist": Window((3.0, WRIST_Y + 6.0, 0.0), 118.0, 0.0, 0.70, 0.60, lateral_gain=0.62),
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
    gain, toe, contrast
        From attenuation to brightness: slope, brightness beside the body, exponent.
    shutter
        How far the collimator's four blades (left, top, right, bottom) stand in the film, as shares.
    shutter_deg
        Their rotation.
    """

    photons: float
    scatter: float
    blur_px: float
    gain: float
    toe: float
    contrast: float
    penetration: float
    shutter: tuple[float, float, float, float]
    shutter_deg: float


def posture_of(options: PhantomOptions, seed: int) -> Posture:
    """Return how the joints stand on a film."""
    generator = derived_generator(seed, "posture", options.view, options.study)
    wobble = generator.normal(size=6)
    fan = VIEW_SHARE[options.view] * (1.4 if options.body_part == "finger" else 1.0)
    curl = tuple(4.0 + 3.0 * float(wobble[k]) + fan * (3.0, 2.0, 20.0, 36.0, 50.0)[k] for k in range(5))
    bend = WINDOWS[options.body_part].lateral_elbow_deg if options.view == "lateral" else 0.0
    beside_trunk = options.body_part == "shoulder" or (options.body_part == "humerus" and options.view == "pa")
    return Posture(bend + 5.0 * abs(float(wobble[5])), curl, beside_trunk)


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
    blades = np.maximum(generator.normal(0.02, 0.035, size=4), -0.01)
    return Exposure(
        photons=float(np.exp(generator.uniform(np.log(900), np.log(5000)) + 2.0 * options.exposure)),
        scatter=float(generator.uniform(0.02, 0.09)),
        blur_px=float(generator.uniform(0.45, 0.75)) * options.height / 176,
        gain=window.gain
        * (window.lateral_gain if options.view == "lateral" else 1.0)
        * float(np.exp(generator.normal(0.0, 0.12) - 0.8 * options.exposure)),
        toe=float(generator.uniform(0.02, 0.11)),
        contrast=float(generator.uniform(0.85, 1.2)),
        penetration=window.penetration,
        shutter=(float(blades[0]), float(blades[1]), float(blades[2]), float(blades[3])),
        shutter_deg=float(generator.normal(0.0, 2.5)),
    )
