"""From films, wherever they come from, to batches of a network's input with their way back."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.arrays import Affine, AffineBatch, FilmPixels, FilmSizes
from workbench.core.case import Case
from workbench.core.errors import OptionError, ReaderError, Skipped
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import read_radiograph
from workbench.imaging.recipes import Recipe

T = TypeVar("T")
S = TypeVar("S")

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
    films: Sequence[Film],
    recipe: Recipe,
    *,
    batch_size: int,
    whole_studies: bool = False,
    workers: int = 0,
    done: int = 0,
) -> Iterator[FilmBatch]:
    """Read films, prepare them by a recipe and yield them in batches.

    Parameters
    ----------
    films
        Read when their batch is next, or one batch before, in order.
    recipe
        The model's own.
    batch_size
        How many films are put together; the last batch may be smaller.
    whole_studies
        Put the films of a study into one batch, studies in the order of their first films. A batch then ends before
        the study that would make it too large; a study larger than a batch is a batch of its own.
    workers
        Threads that read and prepare the next batch meanwhile; 0 reads when the batch is wanted.
    done
        How many films, in the order in which they would come, are left out at the beginning.

    Yields
    ------
    FilmBatch
        Unreadable films stand in ``skipped`` of the batch in which their turn came; a batch may be empty then.
    """
    if batch_size < 1:
        raise OptionError(f"batch_size: {batch_size} is below 1")
    if workers < 0:
        raise OptionError(f"workers: {workers} is below 0")
    if whole_studies:
        films = [film for study in study_groups(films, 1) for film in study]
    films = films[done:]
    groups = study_groups(films, batch_size) if whole_studies else _groups(films, batch_size)
    prepared = in_order(partial(_prepared, recipe), films, workers=workers, ahead=batch_size)
    try:
        for group in groups:
            yield _batch(recipe, list(islice(prepared, len(group))))
    finally:
        prepared.close()


def in_order(work: Callable[[T], S], items: Iterable[T], *, workers: int, ahead: int) -> Generator[S, None, None]:
    """Yield ``work(item)`` of each item in order, made by threads in advance.

    Parameters
    ----------
    work
        Releases the interpreter while it decodes, or nothing is gained.
    items
        Taken one by one.
    workers
        Threads; 0 works when the next result is asked for.
    ahead
        How many results may wait beside those being made.

    Yields
    ------
    S
        The results; what one raises is raised when its turn comes.
    """
    if not workers:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="film")
    waiting: deque[Future[S]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead + workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Prepared:
    film: Film
    image: Tensor
    to_film: Affine
    size: tuple[int, int]


def _prepared(recipe: Recipe, film: Film) -> _Prepared | Skipped:
    try:
        pixels = film.read()
    except ReaderError as error:
        return _skipped(film, error)
    image, to_film = recipe.prepare(pixels)
    return _Prepared(film, image, to_film, (pixels.shape[0], pixels.shape[1]))


def _batch(recipe: Recipe, prepared: Sequence[_Prepared | Skipped]) -> FilmBatch:
    kept = [each for each in prepared if isinstance(each, _Prepared)]
    shape = (0, recipe.channels, recipe.size, recipe.size)
    return FilmBatch(
        film_ids=tuple(each.film.film_id for each in kept),
        images=torch.stack([each.image for each in kept]) if kept else torch.zeros(shape),
        labels=torch.tensor([each.film.label for each in kept], dtype=torch.int64),
        to_film=np.array([each.to_film for each in kept], dtype=np.float64).reshape(-1, 3, 3),
        film_sizes=np.array([each.size for each in kept], dtype=np.int64).reshape(-1, 2),
        skipped=tuple(each for each in prepared if isinstance(each, Skipped)),
        study_ids=tuple(each.film.study_id or each.film.film_id for each in kept),
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
