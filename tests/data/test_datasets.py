from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader

from workbench.core.case import Case
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.seeding import derived_generator
from workbench.data.datasets import EpochSampler, FilmDataset, epoch_order
from workbench.imaging.augmentation import Augmentation
from workbench.imaging.pixels import read_radiograph, write_png
from workbench.imaging.recipes import Recipe

RECIPE = Recipe(size=24)
IDS = tuple(f"case-{index}" for index in range(11))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    generator = np.random.default_rng(0)
    cases = []
    for index, case_id in enumerate(IDS):
        write_png(tmp_path / f"{index}.png", generator.random((20, 30), dtype=np.float32))
        label = (None, "normal", "abnormal")[index % 3]
        cases.append(Case(case_id, f"patient-{index}", f"study-{index}", f"{index}.png", label=label))
    return Manifest("toy", ("normal", "abnormal"), ("abnormal",), tmp_path, tuple(cases))


def films_by_index(dataset: FilmDataset, epoch: int, *, batch_size: int, workers: int = 0) -> dict[int, torch.Tensor]:
    sampler = EpochSampler([case.case_id for case in dataset.manifest], seed=1)
    sampler.set_epoch(epoch)
    loader = DataLoader(dataset, batch_sampler=BatchSampler(sampler, batch_size, drop_last=False), num_workers=workers)
    return {int(index): film for films, _, indices in loader for film, index in zip(films, indices, strict=True)}


def test_films_are_placed_and_kept_with_eight_bits(manifest: Manifest) -> None:
    dataset = FilmDataset(manifest, RECIPE)
    placed, label, index = dataset[0, 4]
    expected, _ = RECIPE.place(read_radiograph(manifest.path(manifest[4])).pixels)
    assert dataset.films.dtype == torch.uint8
    np.testing.assert_allclose(placed.numpy(), expected, atol=0.5 / 255 + 1e-6)
    assert (label, index) == (0, 4)
    assert dataset.labels == (-1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0)


def test_unreadable_films_are_skipped_and_the_rest_is_found(manifest: Manifest) -> None:
    manifest.path(manifest[2]).write_bytes(manifest.path(manifest[2]).read_bytes()[:60])
    manifest.path(manifest[7]).unlink()
    told: list[tuple[int, int]] = []
    dataset = FilmDataset(manifest, RECIPE, progress=lambda done, total: told.append((done, total)))
    assert len(dataset) + len(dataset.skipped) == len(manifest)
    assert [each.what for each in dataset.skipped] == ["2.png", "7.png"]
    assert dataset.skipped[1].reason == "no such file"
    assert str(manifest.root) not in dataset.skipped[0].reason
    assert [case.case_id for case in dataset.manifest] == [name for name in IDS if name not in ("case-2", "case-7")]
    assert told == [(done, 11) for done in range(1, 12)]


def test_a_data_set_without_a_readable_film_is_refused(manifest: Manifest) -> None:
    with pytest.raises(ManifestError, match=r"none of 11 films could be read; first: 0\.png: no such file"):
        FilmDataset(replace(manifest, root=manifest.root / "elsewhere"), RECIPE)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # torch forks; Python 3.12
@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (11, 0), (3, 2)])
def test_augmentation_knows_neither_batch_nor_worker(manifest: Manifest, batch_size: int, workers: int) -> None:
    dataset = FilmDataset(manifest, RECIPE, augmentation=Augmentation(), seed=5)
    found = films_by_index(dataset, epoch=2, batch_size=batch_size, workers=workers)
    assert len(found) == len(manifest)
    for index, film in found.items():
        assert torch.equal(film, dataset[2, index][0])


def test_augmentation_follows_seed_epoch_and_case_alone(manifest: Manifest) -> None:
    augmentation = Augmentation()
    dataset = FilmDataset(manifest, RECIPE, augmentation=augmentation, seed=5)
    turned = FilmDataset(manifest.where(manifest.cases[::-1]), RECIPE, augmentation=augmentation, seed=5)
    plain = FilmDataset(manifest, RECIPE)
    expected = augmentation.apply(plain[0, 3][0], derived_generator(5, 2, "case-3"))
    assert torch.equal(dataset[2, 3][0], expected)
    assert torch.equal(turned[2, 7][0], expected)
    assert not torch.equal(dataset[3, 3][0], expected)
    assert not torch.equal(FilmDataset(manifest, RECIPE, augmentation=augmentation, seed=6)[2, 3][0], expected)


def test_each_epoch_has_every_film_once_in_its_own_order() -> None:
    sampler = EpochSampler(IDS, seed=3)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert sorted(first) == [(0, index) for index in range(11)]
    assert sorted(second) == [(1, index) for index in range(11)]
    assert [index for _, index in first] != [index for _, index in second]
    assert [index for _, index in EpochSampler(IDS, seed=4)] != [index for _, index in first]


def test_a_film_less_does_not_move_the_others() -> None:
    order = [IDS[index] for index in epoch_order(IDS, seed=0, epoch=4)]
    fewer = IDS[:5] + IDS[6:]
    assert [fewer[index] for index in epoch_order(fewer, seed=0, epoch=4)] == [name for name in order if name != IDS[5]]


def test_a_later_start_goes_on_with_the_same_orders() -> None:
    whole, late = EpochSampler(IDS, seed=0), EpochSampler(IDS, seed=0, first_epoch=3)
    whole.set_epoch(4)
    late.set_epoch(1)
    assert list(whole) == list(late)


def test_without_shuffling_films_come_as_they_lie() -> None:
    assert list(EpochSampler(IDS, seed=0, shuffle=False)) == [(0, index) for index in range(11)]


@pytest.mark.parametrize("world", [2, 3, 4, 25])
def test_processes_share_an_epoch_in_equal_parts(world: int) -> None:
    whole = list(EpochSampler(IDS, seed=0))
    shares = [list(EpochSampler(IDS, seed=0, rank=rank, world=world)) for rank in range(world)]
    assert {len(share) for share in shares} == {-(-11 // world)}
    assert {pair for share in shares for pair in share} == set(whole)
    together = [pair for step in zip(*shares, strict=True) for pair in step]
    assert together[:11] == whole  # a step of all processes holds the films that a single one would take
    assert together[11:] == (whole * 3)[: len(together) - 11]


def test_samples_collate_to_batches(manifest: Manifest) -> None:
    loader = DataLoader(
        FilmDataset(manifest, RECIPE), batch_sampler=BatchSampler(EpochSampler(IDS, seed=0), 4, drop_last=False)
    )
    films, labels, indices = next(iter(loader))
    assert films.shape == (4, 24, 24)
    assert films.dtype == torch.float32
    assert labels.tolist() == [(-1, 0, 1)[index % 3] for index in indices.tolist()]
