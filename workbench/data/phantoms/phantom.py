"""Drawing one phantom: a film about which everything is known, with its counterfactuals."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.core.arrays import FilmMask, FilmPixels
from workbench.core.errors import OptionError
from workbench.data.phantoms.bare_film import BareFilm, draw_bare_film
from workbench.data.phantoms.furniture import furniture_of
from workbench.data.phantoms.ink import Paint
from workbench.data.phantoms.options import PhantomOptions


@dataclass(frozen=True)
class Phantom:
    """A procedural radiograph with its whole truth.

    Parameters
    ----------
    pixels
        (height, width) in 0..1, in steps of 1/255, bones bright.
    masks
        By category: ``anatomy`` (bones), and where there are any ``evidence``, ``hardware``, ``cast``, ``ring``,
        ``flag``, ``text``, ``logo``, ``frame``.
    options
        What was wanted.
    bare
        The film below the furniture.
    paints
        The furniture by name, in the order in which it was laid over the bare film.
    """

    pixels: FilmPixels
    masks: dict[str, FilmMask] = field(hash=False)
    options: PhantomOptions
    bare: BareFilm = field(repr=False)
    paints: Mapping[str, Paint] = field(repr=False, hash=False)

    @property
    def label(self) -> str:
        """``normal`` or ``abnormal``."""
        return self.options.label

    @property
    def kind(self) -> str:
        """``normal`` or the kind of abnormality."""
        return self.options.kind

    @property
    def seed(self) -> int:
        """The patient."""
        return self.bare.seed

    @property
    def spacing_mm(self) -> float:
        """Side of a pixel."""
        return self.bare.spacing_mm

    @cached_property
    def twins(self) -> dict[str, FilmPixels]:
        """The counterfactuals by what each lacks: one for everything of ``TWINS`` that is on the film.

        Made when first asked for: the film without its lesion costs further drawings.
        """
        return {name: self.without(name).pixels for name in self.options.removable}

    def without(self, name: str) -> "Phantom":
        """Return the same film without one thing; it differs inside the mask of that thing only.

        Parameters
        ----------
        name
            One of ``TWINS``. Without its ``lesion`` the bone is healthy; the furniture stays where it was.

        Returns
        -------
        Phantom
            The counterfactual, with its own masks.

        Raises
        ------
        OptionError
            No such thing is on this film.
        """
        there = self.options.removable
        if name not in there:
            raise OptionError(f"{name!r} is not on this film; what can be removed: {', '.join(there) or 'nothing'}")
        bare = _healed(self.bare) if name == "lesion" else self.bare
        paints = {each: paint for each, paint in self.paints.items() if each != name}
        return _laid(bare, self.options.without(name), paints)


def draw_phantom(options: PhantomOptions, seed: int) -> Phantom:
    """Return the phantom of a patient (``seed``) under ``options``; the same arguments give the same pixels."""
    return finished(draw_bare_film(options, seed), options)


def finished(bare: BareFilm, options: PhantomOptions) -> Phantom:
    """Return the phantom that comes of a bare film when the furniture that ``options`` want is put on it."""
    return _laid(bare, options, furniture_of(bare, options))


def _laid(bare: BareFilm, options: PhantomOptions, paints: Mapping[str, Paint]) -> Phantom:
    masks, pixels = dict(bare.masks), bare.pixels
    for name, paint in paints.items():
        painted = paint.over(pixels)
        masks[name] = painted != pixels
        pixels = painted
    return Phantom(pixels, masks, options, bare, paints)


def _healed(bare: BareFilm) -> BareFilm:
    """Return the film of the same bone before it was ill, equal to this one outside the mask ``lesion``."""
    drawn = bare if bare.healthy is not None else draw_bare_film(bare.options, bare.seed, healthy=True)
    assert drawn.healthy is not None  # noqa: S101 - every abnormal film has a healthy one
    sound = draw_bare_film(bare.options.without("lesion"), bare.seed)
    return replace(sound, pixels=drawn.healthy)
