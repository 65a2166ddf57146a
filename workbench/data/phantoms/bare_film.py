"""A film as it comes from the detector, before anybody puts a flag or a frame on it; about it everything is known."""

from dataclasses import dataclass, field

import numpy as np

from workbench.core.arrays import FilmMask, FilmPixels
from workbench.core.seeding import derived_generator
from workbench.data.phantoms.abnormality import afflict
from workbench.data.phantoms.anatomy import Arm, draw_arm
from workbench.data.phantoms.bodies import Camera
from workbench.data.phantoms.options import PhantomOptions
from workbench.data.phantoms.positioning import Exposure, camera_of, exposure_of, posture_of
from workbench.data.phantoms.projection import project_bones, project_tissue
from workbench.data.phantoms.rendering import film_of, film_with_patch, taken_shot
from workbench.data.phantoms.sites import Abnormality
from workbench.data.phantoms.worn import worn_layers


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
    options
        What is on the film.
    seed
        Of which patient.
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
    layers = _layers(arm, found, worn_layers(options, arm, camera, seed), camera, seed)
    before, after = (_attenuation(layers, bone, exposure) for bone in (layers.sound, layers.bone))
    after += layers.metal
    shot = taken_shot(before, exposure, derived_generator(seed, "noise", options.view, options.study))
    pixels = film_of(shot, after)
    masks = _masks(layers, found, camera, shot.field)
    twin = pixels
    if options.kind != "normal":
        twin = film_with_patch(shot, pixels, before, before != after)
        masks["lesion"] = twin != pixels
    spared = twin if healthy and options.kind != "normal" else None
    return BareFilm(pixels, _crowding(layers, masks), masks, options, seed, camera.spacing_mm, spared)


@dataclass(frozen=True)
class _Layers:
    """Attenuation of each kind of thing; ``sound`` is the bone without the abnormality, ``metal`` the implants."""

    tissue: FilmPixels
    sound: FilmPixels
    bone: FilmPixels
    metal: FilmPixels
    worn: dict[str, FilmPixels]


def _layers(arm: Arm, found: Abnormality, worn: dict[str, FilmPixels], camera: Camera, seed: int) -> _Layers:
    """Return what the rays meet; bones that the abnormality left alone are projected once."""
    known = {id(body) for body in arm.bones}
    spared = {id(body) for body in found.bones} & known
    shared = project_bones((body for body in arm.bones if id(body) in spared), camera, seed)
    before, after = (
        np.maximum(shared + project_bones((body for body in bones if id(body) not in spared), camera, seed), 0.0)
        for bones in (arm.bones, found.bones)
    )
    return _Layers(
        project_tissue(arm, camera, seed),
        before,
        after,
        project_bones(found.metals, camera, seed),
        worn,
    )


def _attenuation(layers: _Layers, bone: FilmPixels, exposure: Exposure) -> FilmPixels:
    """Return what all but the implants take from the rays; harder rays mind tissue less than bone."""
    total = np.float32(exposure.penetration) * layers.tissue
    total += np.float32(0.45 + 0.55 * exposure.penetration) * bone
    for worn in layers.worn.values():
        total += worn
    return total


def _masks(layers: _Layers, found: Abnormality, camera: Camera, shown: FilmMask) -> dict[str, FilmMask]:
    from scipy.ndimage import binary_dilation

    masks = {"anatomy": (layers.bone > 0.03) & shown}
    metal = (layers.metal > 0.2) & shown
    if metal.any():
        masks["hardware"] = metal
        masks["evidence"] = binary_dilation(metal)
    if found.places:
        near_bone = binary_dilation(masks["anatomy"], iterations=3) & shown
        masks["evidence"] = near_bone & np.any([_disc(camera, *place) for place in found.places], axis=0)
    return masks | {name: (layer > 0.02) & shown for name, layer in layers.worn.items()}


def _disc(camera: Camera, centre: np.ndarray, radius_mm: float) -> FilmMask:
    """Return the pixels within ``radius_mm`` of a point of the body."""
    x, y, _ = camera.seen(centre) / camera.spacing_mm
    height, width = camera.size
    columns, rows = np.arange(width) + 0.5 - x, (np.arange(height) + 0.5 - y)[:, None]
    return columns**2 + rows**2 <= (radius_mm / camera.spacing_mm) ** 2


def _crowding(layers: _Layers, masks: dict[str, FilmMask]) -> FilmPixels:
    """Return how bad it would be to cover each pixel: nothing on background, most on the evidence."""
    crowding = (layers.tissue > 0.1) * 0.2 + layers.tissue * 0.1 + masks["anatomy"] * 2.0
    if "evidence" in masks:
        crowding = crowding + masks["evidence"] * 10.0
    return crowding.astype(np.float32)
