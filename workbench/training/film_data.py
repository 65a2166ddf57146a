"""The films of a training for Lightning: read once for all processes, each of which takes its share of every step."""

import os
from collections.abc import Callable
from dataclasses import replace

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import BatchSampler, DataLoader
from typing_extensions import override

from workbench.core.errors import ManifestError, OptionError, RunError, Skipped
from workbench.core.manifest import Manifest
from workbench.data.cache import cache_folder
from workbench.data.datasets import EpochSampler, FilmDataset, Sample
from workbench.imaging.recipes import Recipe
from workbench.training.options import TrainingOptions

MAX_AUTOMATIC_WORKERS = 8
"""More than this fed no GPU faster: films come from memory, workers only turn them."""

FilmLoader = DataLoader[Sample]


class FilmData(LightningDataModule):
    """The training and the validation split, placed once (in a cache, else in every process) and shared out by rank.

    Parameters
    ----------
    train
        Cases to learn from; those without a label are skipped.
    valid
        Cases to look at after each epoch; those without a label are skipped.
    recipe
        Of the classifier.
    options
        Batch size, augmentation, seed, workers, cache, films_on_device.
    first_epoch
        Number of whole epochs behind.
    progress
        Is told how many films of both splits were read, and of how many.
    """

    def __init__(
        self,
        train: Manifest,
        valid: Manifest,
        *,
        recipe: Recipe,
        options: TrainingOptions,
        first_epoch: int,
        progress: Callable[[int, int], None],
    ) -> None:
        super().__init__()
        self._manifests = train, valid
        self._recipe = recipe
        self._options = options
        self._first_epoch = first_epoch
        self._progress = progress
        self._datasets: tuple[FilmDataset, ...] = ()
        self._unlabelled: tuple[Skipped, ...] = ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Films of both splits that cannot be used, and why."""
        return self._unlabelled + tuple(each for dataset in self._datasets for each in dataset.skipped)

    @property
    def films(self) -> tuple[int, ...]:
        """How many films of the training and the validation split are used."""
        return tuple(len(dataset) for dataset in self._datasets)

    @override
    def setup(self, stage: str) -> None:
        if self._datasets:
            return
        train, valid = (labelled(manifest) for manifest in self._manifests)
        self._unlabelled = without_label(self._manifests[0]) + without_label(self._manifests[1])
        total = len(train) + len(valid)
        options = self._options
        cache = cache_folder() if options.cache else None
        self._datasets = (
            FilmDataset(
                train,
                self._recipe,
                augmentation=options.augmentation,
                seed=options.seed,
                progress=lambda done, _: self._progress(done, total),
                cache=cache,
            ),
            FilmDataset(
                valid,
                self._recipe,
                progress=lambda done, _: self._progress(len(train) + done, total),
                cache=cache,
            ),
        )

    @override
    def train_dataloader(self) -> FilmLoader:
        return self._loader(self._datasets[0], shuffle=True)

    @override
    def val_dataloader(self) -> FilmLoader:
        return self._loader(self._datasets[1], shuffle=False)

    def _loader(self, dataset: FilmDataset, *, shuffle: bool) -> FilmLoader:
        world, rank = int(self.trainer.world_size), int(self.trainer.global_rank)
        case_ids = [case.case_id for case in dataset.manifest]
        sampler = EpochSampler(
            case_ids, self._options.seed, shuffle=shuffle, first_epoch=self._first_epoch, rank=rank, world=world
        )
        size = share_of_batch(self._options.batch_size, world)
        # BatchNorm cannot take a last step of one film; a training epoch leaves that film out, another one each time.
        drop_last = shuffle and size > 1 and len(sampler) > size and len(sampler) % size == 1
        device = self.trainer.strategy.root_device
        moved = self._options.films_on_device and device.type != "cpu"
        if moved:
            move_films(dataset, device)
        from_memory = device.type == "cuda" and not moved
        workers = 0 if moved else loader_workers(self._options.workers, on_gpu=from_memory, world=world)
        return DataLoader(
            dataset,
            batch_sampler=BatchSampler(sampler, size, drop_last),  # type: ignore[arg-type]  # any index will do
            num_workers=workers,
            pin_memory=from_memory,
            persistent_workers=workers > 0,
        )


def labelled(manifest: Manifest) -> Manifest:
    """Return the cases that have a label; a ManifestError where none has."""
    cases = [case for case in manifest if case.label is not None]
    if not cases:
        raise ManifestError(f"{manifest.name}: none of {len(manifest)} cases has a label to learn from")
    return replace(manifest, cases=tuple(cases))


def without_label(manifest: Manifest) -> tuple[Skipped, ...]:
    """Return the cases that have no label, as skipped."""
    return tuple(Skipped(case.image, "has no label") for case in manifest if case.label is None)


def move_films(dataset: FilmDataset, device: torch.device) -> None:
    """Move the films of a data set into the memory of a device; a RunError where they do not fit."""
    try:
        dataset.move_to(device)
    except torch.OutOfMemoryError as error:
        raise RunError(
            f"films_on_device: {len(dataset)} films ({dataset.films.nbytes / 1e9:.1f} GB) do not fit into the memory "
            f"that is free on {device}; give films_on_device=False"
        ) from error


def share_of_batch(batch_size: int, world: int) -> int:
    """Return how many films of a step one of ``world`` processes takes; an OptionError where it does not divide."""
    if batch_size % world:
        raise OptionError(f"batch_size {batch_size} cannot be shared by {world} devices; give a multiple of {world}")
    return batch_size // world


def loader_workers(workers: int, *, on_gpu: bool, world: int) -> int:
    """Return the number of loader processes: none on a CPU, which the network needs for itself."""
    if workers >= 0:
        return workers
    return min(MAX_AUTOMATIC_WORKERS, (os.cpu_count() or 1) // world) if on_gpu else 0
