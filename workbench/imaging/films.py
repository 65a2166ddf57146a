"""From films, wherever they come from, to batches of a network's input with their way back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.arrays import AffineBatch, FilmPixels, FilmSizes
from workbench.core.case import Case
from workbench.core.errors import OptionError, ReaderError, Skipped
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import read_radiograph
from workbench.imaging.recipes import Recipe

Edit = Callable[[Case, FilmPixels], FilmPixels]
"""Changes a film on its way to the network: covers a flag, for example."""


@dataclass(frozen=True)
class Film:
    """A film that can be read when its turn comes.

    Parameters
    ----------
    film_id
        The case id, or the path.
    read
        Returns the pixels (h, w) in 0..1; raises ReaderError.
    label
        Class index, -1 where it is not known.
    study_id
        The examination it belongs to; empty for a film of its own.
    """

    film_id: str
    read: Callable[[], FilmPixels]
    label: int = -1
    study_id: str = ""


@dataclass(frozen=True)
class FilmBatch:
    """Films as a network takes them, and those that could not be read."""

    film_ids: tuple[str, ...]
    images: Float[Tensor, "n c h w"]
    labels: Tensor
    to_film: AffineBatch
    film_sizes: FilmSizes
    skipped: tuple[Skipped, ...] = ()
    study_ids: tuple[str, ...] = ()


def manifest_films(manifest: Manifest, edit: Edit | None = None) -> list[Film]:
    """Return the films of a manifest in its order, each changed by ``edit`` after reading."""
    return [
        Film(case.case_id, _reader(manifest, case, edit), manifest.class_index(case), case.study_id)
        for case in manifest
    ]


def path_films(paths: Iterable[str | Path]) -> list[Film]:
    """Return the films at these paths; their ids are the paths."""
    return [Film(str(path), partial(_pixels_at, Path(path))) for path in paths]


def film_batches(
    films: Sequence[Film], recipe: Recipe, *, batch_size: int, whole_studies: bool = False
) -> Iterator[FilmBatch]:
    """Read films, prepare them by a recipe and yield them in batches.

    Parameters
    ----------
    films
        Read one batch at a time, in order.
    recipe
        The model's own.
    batch_size
        How many films are put together; the last batch may be smaller.
    whole_studies
        Put the films of a study into one batch, studies in the order of their first films. A batch then ends before
        the study that would make it too large; a study larger than a batch is a batch of its own.

    Yields
    ------
    FilmBatch
        Unreadable films stand in ``skipped`` of the batch in which their turn came; a batch may be empty then.
    """
    if batch_size < 1:
        raise OptionError(f"batch_size: {batch_size} is below 1")
    for group in study_groups(films, batch_size) if whole_studies else _groups(films, batch_size):
        prepared, kept, skipped = [], [], []
        for film in group:
            try:
                pixels = film.read()
            except ReaderError as error:
                skipped.append(_skipped(film, error))
                continue
            prepared.append((*recipe.prepare(pixels), pixels.shape))
            kept.append(film)
        shape = (0, recipe.channels, recipe.size, recipe.size)
        yield FilmBatch(
            film_ids=tuple(film.film_id for film in kept),
            images=torch.stack([image for image, _, _ in prepared]) if prepared else torch.zeros(shape),
            labels=torch.tensor([film.label for film in kept], dtype=torch.int64),
            to_film=np.array([affine for _, affine, _ in prepared], dtype=np.float64).reshape(-1, 3, 3),
            film_sizes=np.array([size for _, _, size in prepared], dtype=np.int64).reshape(-1, 2),
            skipped=tuple(skipped),
            study_ids=tuple(film.study_id or film.film_id for film in kept),
        )


def study_groups(films: Sequence[Film], most: int) -> Iterator[list[Film]]:
    """Yield groups of about ``most`` films that tear no study apart."""
    studies: dict[str, list[Film]] = {}
    for film in films:
        studies.setdefault(film.study_id or film.film_id, []).append(film)
    group: list[Film] = []
    for study in studies.values():
        if group and len(group) + len(study) > most:
            yield group
            group = []
        group += study
    if group:
        yield group


def _groups(films: Sequence[Film], most: int) -> Iterator[list[Film]]:
    remaining = iter(films)
    while group := list(islice(remaining, most)):
        yield group


def _pixels_at(path: Path) -> FilmPixels:
    return read_radiograph(path).pixels


def _reader(manifest: Manifest, case: Case, edit: Edit | None) -> Callable[[], FilmPixels]:
    def read() -> FilmPixels:
        pixels = read_radiograph(manifest.path(case)).pixels
        height, width = pixels.shape
        if (case.width or width, case.height or height) != (width, height):  # boxes and masks would lie elsewhere
            raise ReaderError(f"is {width} x {height} pixels, {manifest.name} says {case.width} x {case.height}")
        return pixels if edit is None else edit(case, pixels)

    return read


def _skipped(film: Film, error: ReaderError) -> Skipped:
    reason = str(error)
    return Skipped(film.film_id, reason.removeprefix(f"{film.film_id}: "))
