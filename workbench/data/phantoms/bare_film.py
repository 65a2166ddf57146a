"""A film as it comes from the detector, before anybody puts a flag or a frame on it; about it everything is known."""

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from workbench.core.arrays import FilmMask, FilmPixels
from workbench.core.seeding import derived_generator
from workbench.data.phantoms.abnormality import Abnormality, afflict
from workbench.data.phantoms.anatomy import draw_arm
from workbench.data.phantoms.bodies import Camera
from workbench.data.phantoms.options import PhantomOptions
from workbench.data.phantoms.positioning import Exposure, camera_of, exposure_of, posture_of
from workbench.data.phantoms.rendering import Layers, exposed_film, open_shutter, project_layers, quantised
from workbench.data.phantoms.worn import worn_objects


@dataclass(frozen=True)
class BareFilm:
    """A film before anybody puts a flag or a frame on it: what two variants of a case share."""

    pixels: FilmPixels
    crowding: FilmPixels
    masks: dict[str, FilmMask] = field(hash=False)
    options: PhantomOptions
    seed: int
    spacing_mm: float
    healthy: FilmPixels | None = None


def draw_bare_film(options: PhantomOptions, seed: int, *, healthy: bool = False) -> BareFilm:
    """Return the film without flag and frame; this is nearly all of the work.

    Parameters
    ----------
    options, seed
        What is on the film, and of which patient.
    healthy
        Whether the same film without its abnormality is wanted too; a normal film has none.

    Returns
    -------
    BareFilm
        With the masks ``anatomy``, and where there are any ``evidence``, ``lesion`` (all that the abnormality changed),
        ``hardware``, ``cast``, ``ring``.
    """
    posture = posture_of(options, seed)
    camera, exposure = camera_of(options, seed, posture), exposure_of(options, seed)
    arm = draw_arm(seed, posture)
    found = afflict(arm.bones, options.body_part, kind=options.kind, difficulty=options.difficulty, seed=seed)
    worn = worn_objects(options, arm, seed)
    layers = project_layers(arm.tissues, found.bones, found.metals, camera=camera, seed=seed)
    masks = _masks(layers, found, camera, exposure)
    for name, bodies in worn.items():
        layer = project_layers((), (), bodies, camera=camera, seed=seed).metal
        masks[name] = (layer > 0.02) & open_shutter(exposure, *camera.size)
        layers = replace(layers, metal=layers.metal + layer)
    film_of = partial(_film_of, exposure=exposure, key=(seed, "noise", options.view, options.study))
    pixels, twin = film_of(layers), None
    if options.kind != "normal":
        sound = project_layers(arm.tissues, arm.bones, (), camera=camera, seed=seed)
        extra = sum((project_layers((), (), bodies, camera=camera, seed=seed).metal for bodies in worn.values()), 0.0)
        twin = film_of(replace(sound, metal=sound.metal + extra))
        changed = np.abs(pixels - twin) > 3.0 / 255.0
        twin = np.where(changed, twin, pixels)
        masks["lesion"] = changed
    crowding = _crowding(layers, masks)
    return BareFilm(pixels, crowding, masks, options, seed, camera.spacing_mm, twin if healthy else None)


def _film_of(layers: Layers, *, exposure: Exposure, key: tuple[object, ...]) -> FilmPixels:
    return quantised(exposed_film(layers, exposure, derived_generator(*key)))


def _masks(layers: Layers, found: Abnormality, camera: Camera, exposure: Exposure) -> dict[str, FilmMask]:
    from scipy.ndimage import binary_dilation

    shown = open_shutter(exposure, *camera.size)
    masks = {"anatomy": (layers.bone > 0.03) & shown}
    metal = (layers.metal > 0.2) & shown
    if metal.any():
        masks["hardware"] = metal
        masks["evidence"] = binary_dilation(metal)
    if found.places:
        near_bone = binary_dilation(masks["anatomy"], iterations=3) & shown
        masks["evidence"] = near_bone & np.any([_disc(camera, *place) for place in found.places], axis=0)
    return masks


def _disc(camera: Camera, centre: np.ndarray, radius_mm: float) -> FilmMask:
    """Return the pixels within ``radius_mm`` of a point of the body."""
    x, y, _ = camera.seen(centre) / camera.spacing_mm
    height, width = camera.size
    columns, rows = np.arange(width) + 0.5 - x, (np.arange(height) + 0.5 - y)[:, None]
    return columns**2 + rows**2 <= (radius_mm / camera.spacing_mm) ** 2


def _crowding(layers: Layers, masks: dict[str, FilmMask]) -> FilmPixels:
    """Return how bad it would be to cover each pixel: nothing on background, most on the evidence."""
    crowding = (layers.tissue > 0.1) * 0.2 + layers.tissue * 0.1 + masks["anatomy"] * 2.0
    if "evidence" in masks:
        crowding = crowding + masks["evidence"] * 10.0
    return crowding.astype(np.float32)
