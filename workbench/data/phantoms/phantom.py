"""Drawing one phantom: a film about which everything is known, with its counterfactual."""

from dataclasses import dataclass, field, replace

from workbench.core.arrays import FilmMask, FilmPixels
from workbench.core.seeding import derived_generator
from workbench.data.phantoms.bare_film import BareFilm, draw_bare_film
from workbench.data.phantoms.confounders import put_flag, put_frame
from workbench.data.phantoms.options import PhantomOptions
from workbench.data.phantoms.rendering import quantised


@dataclass(frozen=True)
class Phantom:
    """A procedural radiograph with its whole truth.

    Parameters
    ----------
    pixels
        (height, width) in 0..1, in steps of 1/255, bones bright.
    without_flag
        The counterfactual: the same film without its flag; it differs from ``pixels`` in the flag's mask only.
    masks
        By category: ``anatomy`` (bones), and where there are any ``evidence``, ``hardware``, ``flag``, ``frame``.
    label
        ``normal`` or ``abnormal``.
    spacing_mm
        Side of a pixel.
    """

    pixels: FilmPixels
    without_flag: FilmPixels
    masks: dict[str, FilmMask] = field(hash=False)
    label: str
    kind: str
    options: PhantomOptions
    seed: int
    spacing_mm: float


def draw_phantom(options: PhantomOptions, seed: int) -> Phantom:
    """Return the phantom of a patient (``seed``) under ``options``; the same arguments give the same pixels."""
    return finished(draw_bare_film(options, seed), options.flag, frame=options.frame)


def finished(film: BareFilm, flag: str, *, frame: bool) -> Phantom:
    """Return the phantom that comes of a bare film when a flag (``none``, ``L``, ``R``) and a frame are put on it."""
    options = replace(film.options, flag=flag, frame=frame)
    masks = dict(film.masks)
    framed = flagged = film.pixels
    if frame:
        framed = flagged = quantised(put_frame(film.pixels, derived_generator(film.seed, "frame", options.view)))
        masks["frame"] = framed != film.pixels
    if flag != "none":
        generator = derived_generator(film.seed, "flag", options.view)
        flagged = quantised(put_flag(framed, film.crowding, flag, generator))
        masks["flag"] = flagged != framed
    return Phantom(flagged, framed, masks, options.label, options.kind, options, film.seed, film.spacing_mm)
