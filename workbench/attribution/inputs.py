"""What ``explain`` accepts: manifests, paths, PIL images, arrays, or tensors that are already prepared."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from workbench.core.arrays import FilmPixels
from workbench.core.case import Case, Study
from workbench.core.errors import OptionError, ReaderError, Skipped
from workbench.core.files import digest_of
from workbench.core.manifest import Manifest
from workbench.imaging.films import Film, FilmBatch, film_batches, manifest_films, path_films
from workbench.imaging.pixels import check_size, grey_pixels, one_line
from workbench.models.classifier import Classifier
from workbench.runs.environment import bound_cores

GREY_DIMENSIONS, COLOUR_DIMENSIONS = (2, 3), 4
NUMBERS = "buif"
MOST_WORKERS = 8
"""Threads that decode, where nobody says how many."""


def input_batches(
    classifier: Classifier,
    films: list[Film] | Tensor,
    *,
    batch_size: int,
    whole_studies: bool = False,
    workers: int | None = None,
    done: int = 0,
) -> Iterator[FilmBatch]:
    """Yield batches of what :func:`as_films` returned.

    Parameters
    ----------
    classifier
        Its recipe prepares everything but tensors.
    films
        Films, or a tensor (n, c, h, w) as the network takes it.
    batch_size
        Films a batch.
    whole_studies
        Keep the films of a study in one batch.
    workers
        Threads that decode the next batch meanwhile; where nothing is said, as many as are worth it.
    done
        Films to leave out at the beginning.

    Returns
    -------
    Iterator of FilmBatch
        In the order given.

    Raises
    ------
    ReaderError
        A tensor that this network does not take.
    OptionError
        A batch size below 1, or workers below 0.
    """
    if batch_size < 1:
        raise OptionError(f"batch_size: {batch_size} is below 1")
    if workers is not None and workers < 0:
        raise OptionError(f"workers: {workers} is below 0")
    if isinstance(films, Tensor):
        _check_tensor(films, classifier.recipe.channels)
        return _tensor_batches(films, batch_size, done)
    threads = default_workers(classifier.device) if workers is None else workers
    return film_batches(
        films, classifier.recipe, batch_size=batch_size, whole_studies=whole_studies, workers=threads, done=done
    )


def default_workers(device: torch.device) -> int:
    """Return how many threads decode: none where the network itself keeps the cores busy, and waits for them."""
    return 0 if device.type == "cpu" else min(MOST_WORKERS, bound_cores())


def as_films(films: Any) -> list[Film] | Tensor:
    """Return what was given as films that can be read when their turn comes; a tensor as it is.

    Parameters
    ----------
    films
        A Manifest; a list of films; a path or PIL image or a list of them; an array (h, w), (n, h, w) or (n, c, h, w)
        of floats in 0..1 or of unsigned integers over their full scale; or a tensor.

    Returns
    -------
    list of Film | Tensor
        In the order given.

    Raises
    ------
    ReaderError
        None of these, or an empty list.
    """
    if isinstance(films, Tensor):
        return films
    if isinstance(films, Manifest):
        return manifest_films(films)
    if isinstance(films, str | Path):
        return path_films([films])
    if isinstance(films, Image.Image):
        films = [films]
    if isinstance(films, np.ndarray):
        films = [films] if films.ndim in GREY_DIMENSIONS[:1] else list(films)
    if isinstance(films, Sequence):
        return _listed(films)
    raise _not_films(films)


def _listed(films: Sequence[Any]) -> list[Film]:
    if not films:
        raise ReaderError("no films: an empty list; give at least one")
    if all(isinstance(each, Film) for each in films):
        return list(films)
    if all(isinstance(each, str | Path) for each in films):
        return path_films(films)
    if all(isinstance(each, Image.Image | np.ndarray) for each in films):
        return [Film(f"film-{index}", partial(_grey, each)) for index, each in enumerate(films)]
    if all(isinstance(each, Case | Study) for each in films):
        raise ReaderError(
            f"a list of {type(films[0]).__name__} does not say where its images lie; "
            "give their Manifest: manifest.select(case_ids) or a slice of it"
        )
    raise _not_films(films)


def _not_films(films: Any) -> ReaderError:
    what = f"a {type(films).__name__}"
    if isinstance(films, list | tuple):
        what += " of " + " and ".join(sorted({type(each).__name__ for each in films}))
    return ReaderError(f"cannot explain {what}; give a Manifest, paths, PIL images, arrays (n, h, w), or a tensor")


def films_digest(films: Any) -> str:
    """Return a SHA-256 in hex of what is given to explain, so that another data set is not taken for the same one.

    Ids, labels and studies count, and of a manifest the hashes of its files; of arrays, images and tensors their
    values; of paths only where they lead.
    """
    if isinstance(films, Manifest):
        return digest_of([[each.case_id, each.image, each.sha256, each.label, each.study_id] for each in films])
    given = as_films(films)
    if isinstance(given, Tensor):
        return _array_digest(given.detach().cpu().contiguous().view(torch.uint8).numpy())
    alone = films if isinstance(films, Sequence | np.ndarray) and not isinstance(films, str) else [films]
    contents = [_array_digest(np.asarray(each)) for each in alone if isinstance(each, Image.Image | np.ndarray)]
    return digest_of([[[each.film_id, each.label, each.study_id] for each in given], contents])


def _array_digest(values: np.ndarray) -> str:
    about = f"{values.dtype} {values.shape}".encode()
    return hashlib.sha256(about + np.ascontiguousarray(values).tobytes()).hexdigest()


def _grey(film: Any) -> FilmPixels:
    if isinstance(film, Image.Image):
        check_size(*film.size)
        try:
            return grey_pixels(film)[0]
        except (OSError, SyntaxError, ValueError) as error:  # Pillow decodes late
            raise ReaderError(f"truncated or damaged ({one_line(error)})") from error
    if film.ndim not in GREY_DIMENSIONS or not film.size or (film.ndim == 3 and film.shape[0] not in (1, 3)):
        raise ReaderError(f"an array of shape {film.shape}; wanted (h, w), (1, h, w) or (3, h, w)")
    if film.dtype.kind not in NUMBERS:
        raise ReaderError(f"an array of {film.dtype}; wanted floats in 0..1 or unsigned integers")
    check_size(film.shape[-1], film.shape[-2])
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


def _check_tensor(images: Tensor, channels: int) -> None:
    if images.ndim != COLOUR_DIMENSIONS or images.shape[1] != channels or not images.is_floating_point():
        kind = str(images.dtype).removeprefix("torch.")
        raise ReaderError(
            f"a tensor of {kind} of shape {tuple(images.shape)}; wanted floats (n, {channels}, h, w) as prepared"
        )


def _tensor_batches(images: Tensor, batch_size: int, done: int) -> Iterator[FilmBatch]:
    for start in range(done, len(images), batch_size):
        part = images[start : start + batch_size]
        finite = part.isfinite().flatten(1).all(dim=1)
        ids = [f"film-{start + index}" for index in range(len(part))]
        kept = tuple(each for each, fits in zip(ids, finite, strict=True) if fits)
        lost = [each for each, fits in zip(ids, finite, strict=True) if not fits]
        yield FilmBatch(
            film_ids=kept,
            images=part[finite] if lost else part,
            labels=torch.full((len(kept),), -1),
            to_film=np.tile(np.eye(3), (len(kept), 1, 1)),
            film_sizes=np.tile(np.array(part.shape[-2:], dtype=np.int64), (len(kept), 1)),
            skipped=tuple(Skipped(each, "holds values that are no numbers, or infinite") for each in lost),
            study_ids=kept,
        )
