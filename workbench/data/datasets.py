"""Films as a torch data set: decoded once, augmented by seed, epoch and case id and nothing else."""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from typing_extensions import override

from workbench.core.case import Case
from workbench.core.errors import ManifestError, ReaderError, Skipped
from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.core.seeding import derived_generator, derived_seed
from workbench.data.cache import CachedFilms, PlacedFilms, cached_films
from workbench.imaging.augmentation import Augmentation
from workbench.imaging.pixels import read_radiograph
from workbench.imaging.recipes import Recipe

EpochIndex = tuple[int, int]
"""(epoch, index of the film): all that a sample depends on, so loader processes need not be told the epoch."""
Sample = tuple[Tensor, int, int]
"""(placed film (size, size) in 0..1, on the device of the films, class index or -1, index of the film)."""


class FilmDataset(Dataset[Sample]):
    """The films of a manifest, placed by a recipe and ready to be normalised.

    All films are read when the data set is made and kept as 8 bits a pixel (100 kB a film at 320 px), so every
    epoch after that costs no reading: in memory, or mapped from a cache on disk that later ones and other processes
    share (:mod:`workbench.data.cache`). Film ``(epoch, index)`` is augmented by the generator of (seed, epoch,
    case_id): order, batch size and loader processes change nothing.

    Parameters
    ----------
    manifest
        The cases wanted. :attr:`manifest` holds those that could be read, :attr:`skipped` the others.
    recipe
        Places each film on the square input; its values are normalised later, on the device of the network.
    augmentation
        None leaves the films as they are.
    seed
        Of the augmentation.
    threads
        That read films; as many as there are processors without it.
    progress
        Is told how many films were read, and of how many.
    cache
        Folder of the caches; None keeps the films in memory.

    Raises
    ------
    ManifestError
        Not one film could be read.
    """

    def __init__(
        self,
        manifest: Manifest,
        recipe: Recipe,
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        threads: int | None = None,
        progress: Progress | None = None,
        cache: Path | None = None,
    ) -> None:
        self.recipe = recipe
        self.augmentation = augmentation
        self.seed = seed
        films = _cached(manifest, recipe, threads, progress, cache) or _in_memory(manifest, recipe, threads, progress)
        self.skipped = films.skipped
        if not films.case_ids:
            reason = f"; first: {self.skipped[0]}" if self.skipped else ""
            raise ManifestError(f"{manifest.name}: none of {len(manifest)} films could be read{reason}")
        self.manifest = manifest.select(films.case_ids)
        self.films: UInt8[Tensor, "n s s"] = torch.from_numpy(films.pixels)
        self.labels = tuple(self.manifest.class_index(case) for case in self.manifest)

    def __len__(self) -> int:
        return len(self.films)

    def move_to(self, device: torch.device) -> None:
        """Keep the films in the memory of a device, where they are augmented from now on.

        By the same draws; a GPU may round otherwise than a CPU. Loader processes cannot share a GPU's memory.
        """
        self.films = self.films.to(device)

    @override
    def __getitem__(self, key: EpochIndex) -> Sample:
        epoch, index = key
        placed = self.films[index].float() / 255
        if self.augmentation is not None:
            generator = derived_generator(self.seed, epoch, self.manifest[index].case_id)
            placed = self.augmentation.apply(placed, generator)
        return placed, self.labels[index], index


class EpochSampler(Sampler[EpochIndex]):
    """Yields the ``(epoch, index)`` of every film once an epoch, in an order that only seed and epoch decide.

    Parameters
    ----------
    case_ids
        Of the data set, in its order.
    seed
        Of the order.
    shuffle
        Without it the films come in the order of the data set.
    first_epoch
        Number of the first epoch; more than 0 when a training goes on from there.
    rank
        Which process asks: it gets films ``rank, rank + world, ...`` of the order.
    world
        How many processes there are; the order starts again from its front until each has equally many.
    """

    def __init__(
        self,
        case_ids: Sequence[str],
        seed: int,
        *,
        shuffle: bool = True,
        first_epoch: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.case_ids = tuple(case_ids)
        self.seed = seed
        self.shuffle = shuffle
        self.first_epoch = first_epoch
        self.rank = rank
        self.world = world
        self._epoch = first_epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration yields, counted from ``first_epoch``."""
        self._epoch = self.first_epoch + epoch

    def __len__(self) -> int:
        return math.ceil(len(self.case_ids) / self.world)

    @override
    def __iter__(self) -> Iterator[EpochIndex]:
        order = epoch_order(self.case_ids, self.seed, self._epoch) if self.shuffle else range(len(self.case_ids))
        wrapped = islice(cycle(order), len(self) * self.world)
        return iter([(self._epoch, index) for index in islice(wrapped, self.rank, None, self.world)])


def epoch_order(case_ids: Sequence[str], seed: int, epoch: int) -> list[int]:
    """Return the indices of the cases in the order of an epoch: sorted by the seed of (seed, epoch, case_id)."""
    return sorted(range(len(case_ids)), key=lambda index: derived_seed(seed, epoch, case_ids[index]))


def _cached(
    manifest: Manifest, recipe: Recipe, threads: int | None, progress: Progress | None, folder: Path | None
) -> CachedFilms | None:
    """Return the films from a cache, made where it is absent; None without a folder or room for one."""
    if folder is None:
        return None
    films = cached_films(manifest, recipe, folder, place=lambda: _placed_films(manifest, recipe, threads, progress))
    if films is not None and progress is not None:
        progress(len(manifest), len(manifest))
    return films


def _in_memory(manifest: Manifest, recipe: Recipe, threads: int | None, progress: Progress | None) -> CachedFilms:
    case_ids: list[str] = []
    films: list[np.ndarray] = []
    skipped: list[Skipped] = []
    for case, film in _placed_films(manifest, recipe, threads, progress):
        if isinstance(film, Skipped):
            skipped.append(film)
        else:
            case_ids.append(case.case_id)
            films.append(film)
    pixels = np.stack(films) if films else np.zeros((0, recipe.size, recipe.size), dtype=np.uint8)
    return CachedFilms(pixels, tuple(case_ids), tuple(skipped))


def _placed_films(manifest: Manifest, recipe: Recipe, threads: int | None, progress: Progress | None) -> PlacedFilms:
    """Yield each case in the order of the manifest with its placed film, or why it has none."""

    def read(case: Case) -> np.ndarray | Skipped:
        try:
            return _eight_bits(recipe.place(read_radiograph(manifest.path(case)).pixels)[0])
        except ReaderError as error:
            return Skipped(case.image, str(error).removeprefix(f"{manifest.root / case.image}: "))

    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    try:
        for done, (case, film) in enumerate(zip(manifest, pool.map(read, manifest), strict=True), start=1):
            yield case, film
            if progress is not None:
                progress(done, len(manifest))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt does not wait for the films that nobody will see


def _eight_bits(placed: Float32[np.ndarray, "s s"]) -> UInt8[np.ndarray, "s s"]:
    return np.rint(placed * 255).astype(np.uint8)
