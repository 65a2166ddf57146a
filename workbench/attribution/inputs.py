"""What ``explain`` accepts: manifests, paths, PIL images, arrays, or tensors that are already prepared."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from workbench.core.arrays import FilmPixels
from workbench.core.errors import OptionError, ReaderError
from workbench.core.manifest import Manifest
from workbench.imaging.films import Film, FilmBatch, film_batches, manifest_films, path_films
from workbench.imaging.pixels import grey_pixels
from workbench.models.classifier import Classifier

GREY_DIMENSIONS, COLOUR_DIMENSIONS = (2, 3), 4


def input_batches(
    classifier: Classifier, films: Any, *, batch_size: int, whole_studies: bool = False
) -> Iterator[FilmBatch]:
    """Yield batches of whatever was given.

    Parameters
    ----------
    classifier
        Its recipe prepares everything but tensors.
    films
        A Manifest; a list of films; a path or PIL image or a list of them; an array (h, w), (n, h, w) or (n, c, h, w)
        of floats in 0..1 or of unsigned integers over their full scale; or a tensor (n, c, h, w) as the network takes
        it.
    batch_size
        Films a batch.
    whole_studies
        Keep the films of a study in one batch.

    Returns
    -------
    Iterator of FilmBatch
        In the order given.

    Raises
    ------
    ReaderError
        None of these.
    OptionError
        A batch size below 1.
    """
    if batch_size < 1:
        raise OptionError(f"batch_size: {batch_size} is below 1")
    if isinstance(films, Tensor):
        return _tensor_batches(films, batch_size)
    return film_batches(as_films(films), classifier.recipe, batch_size=batch_size, whole_studies=whole_studies)


def as_films(films: Any) -> list[Film]:
    """Return films of a manifest, paths, PIL images or arrays; films as they are."""
    if isinstance(films, Manifest):
        return manifest_films(films)
    if isinstance(films, str | Path):
        return path_films([films])
    if isinstance(films, Image.Image):
        films = [films]
    if isinstance(films, np.ndarray):
        films = [films] if films.ndim in GREY_DIMENSIONS[:1] else list(films)
    if isinstance(films, Sequence) and films:
        if all(isinstance(each, Film) for each in films):
            return list(films)
        if all(isinstance(each, str | Path) for each in films):
            return path_films(films)
        if all(isinstance(each, Image.Image | np.ndarray) for each in films):
            return [Film(f"film-{index}", partial(_grey, each)) for index, each in enumerate(films)]
    raise ReaderError(
        f"cannot explain a {type(films).__name__}; give a Manifest, paths, PIL images, arrays (n, h, w), or a tensor"
    )


def _grey(film: Any) -> FilmPixels:
    if isinstance(film, Image.Image):
        return grey_pixels(film)[0]
    if film.ndim not in GREY_DIMENSIONS or not film.size or (film.ndim == 3 and film.shape[0] not in (1, 3)):
        raise ReaderError(f"an array of shape {film.shape}; wanted (h, w), (1, h, w) or (3, h, w)")
    if film.ndim == GREY_DIMENSIONS[1]:  # channels first, as in a batch (n, c, h, w)
        film = np.moveaxis(film, 0, -1)
    if film.dtype.kind == "u":
        film = film / np.iinfo(film.dtype).max
    if film.ndim == GREY_DIMENSIONS[1]:
        film = film @ np.array([0.299, 0.587, 0.114]) if film.shape[-1] == GREY_DIMENSIONS[1] else film[..., 0]
    if not (np.isfinite(film).all() and film.min() >= 0 and film.max() <= 1):
        low, high = film.min(), film.max()
        raise ReaderError(f"values from {low:.4g} to {high:.4g}; wanted 0 to 1 or unsigned integers")
    return np.ascontiguousarray(film, dtype=np.float32)


def _tensor_batches(images: Tensor, batch_size: int) -> Iterator[FilmBatch]:
    if images.ndim != COLOUR_DIMENSIONS:
        raise ReaderError(f"a tensor of shape {tuple(images.shape)}; wanted (n, c, h, w) as the network takes it")
    for start in range(0, len(images), batch_size):
        part = images[start : start + batch_size]
        count, (height, width) = len(part), part.shape[-2:]
        yield FilmBatch(
            film_ids=tuple(f"film-{start + index}" for index in range(count)),
            images=part,
            labels=torch.full((count,), -1),
            to_film=np.tile(np.eye(3), (count, 1, 1)),
            film_sizes=np.tile(np.array([height, width], dtype=np.int64), (count, 1)),
            study_ids=tuple(f"film-{start + index}" for index in range(count)),
        )
