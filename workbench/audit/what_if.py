"""One film before and after an edit, as a model sees it, beside the same edit where nothing should change."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from workbench.attribution.explain import explain
from workbench.attribution.methods import AbstractMethod
from workbench.audit.cover import control_of
from workbench.audit.edits import AbstractEdit, EditedFilm
from workbench.core.arrays import Affine, FilmMask, FilmPixels
from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.core.geometry import resample
from workbench.models.classifier import Classifier


@dataclass(frozen=True)
class Look:
    """A film as the model saw it once.

    Parameters
    ----------
    title
        Which film it is: as it is, edited, control patch edited.
    film
        Its pixels, and where they lay on the film as it is.
    values
        The map at its own resolution, signed.
    to_edited
        From the map's coordinates to pixels of ``film``.
    probability
        Of the class that the map speaks for.
    """

    title: str
    film: EditedFilm
    values: FilmPixels
    to_edited: Affine
    probability: float

    @property
    def film_map(self) -> FilmPixels:
        """The map (h', w') in the pixels of ``film``."""
        return resample(self.values, self.to_edited, self.film.pixels.shape)


@dataclass(frozen=True)
class WhatIf:
    """What an edit changes for one class.

    Parameters
    ----------
    target
        The class; the same in every look.
    before, after
        The film as it is, and edited.
    control
        The edit's control, mostly the same on an equal patch elsewhere; None for an edit of the whole film, or where
        no patch has a place.
    region, control_region
        Where was edited; None for an edit of the whole film.
    """

    target: str
    before: Look
    after: Look
    control: Look | None
    region: FilmMask | None
    control_region: FilmMask | None

    @property
    def change(self) -> float:
        """Probability after minus before."""
        return self.after.probability - self.before.probability

    @property
    def control_change(self) -> float | None:
        """The same for the control patch."""
        return None if self.control is None else self.control.probability - self.before.probability


def what_if(
    classifier: Classifier,
    case: Case,
    pixels: FilmPixels,
    edit: AbstractEdit,
    region: FilmMask | None = None,
    *,
    target: str,
    method: str | AbstractMethod = "grad-cam",
    seed: int = 0,
) -> WhatIf:
    """Edit a film, let the model look again, and do the same to a control patch.

    Parameters
    ----------
    classifier
        The model.
    case
        The film's; its annotations say where a control patch must not lie.
    pixels
        The film (h, w).
    edit
        What to do.
    region
        Where (h, w); a local edit needs it, one of the whole film passes it over.
    target
        Name of a class: what the probability and the maps are of. It is not chosen again after the edit.
    method
        Of the maps.
    seed
        Of the control patch's place, with the case id.

    Returns
    -------
    WhatIf
        Film, map and probability of each look.

    Raises
    ------
    OptionError
        A local edit without a region, a region of another size, or an activation method instead of one of maps.
    """
    region = region if edit.local else None
    if edit.local and (region is None or not region.any()):
        raise OptionError("this edit needs a region; draw a box or choose a thing")
    if region is not None and region.shape != pixels.shape:
        raise OptionError(f"a region of {region.shape}, the film has {pixels.shape}")
    patch = None if region is None else control_of(case, region, seed=seed)
    edited = edit.apply(pixels, np.ones(pixels.shape, dtype=bool) if region is None else region)
    films = {"as it is": EditedFilm(pixels, np.eye(3)), "edited": edited}
    if patch is not None:
        films["control patch"] = edit.control(pixels, patch)
    looks = looks_at(classifier, films, target=target, method=method)
    return WhatIf(target, looks[0], looks[1], looks[2] if patch is not None else None, region, patch)


def looks_at(
    classifier: Classifier, films: Mapping[str, EditedFilm], *, target: str, method: str | AbstractMethod = "grad-cam"
) -> list[Look]:
    """Let a model look at one film in several states.

    Parameters
    ----------
    classifier
        The model.
    films
        Title -> the film in this state.
    target
        Name of a class: what the probabilities and the maps are of.
    method
        Of the maps.

    Returns
    -------
    list of Look
        In the order of the films.

    Raises
    ------
    OptionError
        An activation method instead of one of maps.
    """
    found = next(iter(explain(classifier, [each.pixels for each in films.values()], [method], target=target).values()))
    if not isinstance(found, Explanation):
        raise OptionError("activations are no map of a class; choose another method")
    column = classifier.class_names.index(target)
    return [
        Look(title, film, found.maps[index], found.to_film[index], float(found.probabilities[index, column]))
        for index, (title, film) in enumerate(films.items())
    ]
