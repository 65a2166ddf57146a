"""The recipes of the papers and of the workbench by name, and recipes measured on a data set."""

import dataclasses
from typing import Any

import numpy as np

from workbench.core.errors import ManifestError, OptionError, ReaderError
from workbench.core.manifest import Manifest
from workbench.core.registry import unknown_name
from workbench.imaging.films import manifest_films
from workbench.imaging.recipes import MEASURED, Recipe

RECIPES: dict[str, Recipe] = {
    "default": Recipe(),
    # Small enough for a CPU; the shape of things is kept.
    "demo": Recipe(size=128, fit="pad"),
    # densenet-interpretation, section 3: 320 x 320; trained with flips and up to 30 degrees.
    "densenet-interpretation": Recipe(size=320),
    # MuRAD, section 3.2: 320 x 320, mean and deviation of ImageNet; flips and up to 30 degrees.
    "murad": Recipe(size=320),
    # KALM, section 4.1: 224 x 224 for the global network; the local one crops from 448 x 448.
    "kalm": Recipe(size=224),
    "kalm-source": Recipe(size=448),
    # ASU, data augmentation and data normalisation: 224 x 224, histogram equalisation. Amounts of its sharpening,
    # blur and centre crop are not stated, so they are options here, off by default; any angle of rotation in training.
    "asu": Recipe(size=224, histogram="equalise"),
    # Learn to zoom, section III: the input size of VGG19. (Its guided backprop normalises by itself.)
    "learn-to-zoom": Recipe(size=224),
    # Learn to zoom, section IV.D: padded to 512, cropped to 448, normalised as in Caffe.
    "ra-cnn": Recipe(size=448, fit="pad", resize=512, normalisation="caffe"),
}


def named_recipe(name: str, **changes: Any) -> Recipe:
    """Return a recipe by name, with some options changed.

    Parameters
    ----------
    name
        Of :data:`RECIPES`.
    **changes
        Options of :class:`Recipe`; None and empty texts change nothing.

    Returns
    -------
    Recipe
        Its own options are what a model stores, not its name.

    Raises
    ------
    UnknownNameError
        No recipe is called so.
    OptionError
        An option that recipes do not have, or a value that it refuses.
    """
    if name not in RECIPES:
        raise unknown_name("recipe", name, RECIPES)
    known = {field.name for field in dataclasses.fields(Recipe)}
    for option in changes:
        if option not in known:
            raise OptionError(str(unknown_name("option of recipes", option, known)))
    wanted = {option: value for option, value in changes.items() if value is not None and value != ""}
    return dataclasses.replace(RECIPES[name], **wanted)


def measured_recipe(recipe: Recipe, manifest: Manifest) -> Recipe:
    """Return the recipe with the mean and deviation of a manifest's placed films as its normalisation.

    Parameters
    ----------
    recipe
        Places the films; the black that it adds counts.
    manifest
        The films to learn from, and no others. Unreadable ones are left out.

    Returns
    -------
    Recipe
        With the normalisation ``data-set``.

    Raises
    ------
    ManifestError
        No film could be read.
    """
    count, total, squares = 0, 0.0, 0.0
    for film in manifest_films(manifest):
        try:
            placed = recipe.place(film.read())[0].astype(np.float64)
        except ReaderError:
            continue
        count, total, squares = count + placed.size, total + placed.sum(), squares + (placed**2).sum()
    if not count:
        raise ManifestError(f"{manifest.name}: none of {len(manifest)} films could be read to measure a normalisation")
    mean = total / count
    deviation = max(float(np.sqrt(max(squares / count - mean**2, 0.0))), 1e-4)
    return dataclasses.replace(recipe, normalisation=MEASURED, mean=float(mean), deviation=deviation)
