from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from workbench.core.errors import ManifestError, OptionError, RunError
from workbench.core.manifest import Manifest
from workbench.data.datasets import FilmDataset
from workbench.imaging.recipes import Recipe
from workbench.training.film_data import FilmData, labelled, loader_workers, share_of_batch, without_label
from workbench.training.options import TrainingOptions

EVERY_CHANGE = TrainingOptions(
    batch_size=4, flip_vertical=True, centre_crop=0.8, sharpen=1.0, blur=1.0, films_on_device=True
)


def film_data(films: Manifest, options: TrainingOptions, device: str) -> FilmData:
    """Return the films of a training whose network is on a device."""
    splits = films.split("train"), films.split("valid")
    data = FilmData(*splits, recipe=Recipe(size=32), options=options, first_epoch=0, progress=lambda *_: None)
    strategy = SimpleNamespace(root_device=torch.device(device))
    data.trainer = SimpleNamespace(world_size=1, global_rank=0, strategy=strategy)
    data.setup("fit")
    return data


def test_a_step_is_shared_in_equal_parts() -> None:
    assert share_of_batch(16, 4) == 4
    with pytest.raises(OptionError, match="batch_size 10 cannot be shared by 4 devices; give a multiple of 4"):
        share_of_batch(10, 4)


def test_cases_without_a_label_are_set_aside(toy: Manifest) -> None:
    some = toy.where([replace(toy[0], label=None), *toy.cases[1:4]])
    assert [case.case_id for case in labelled(some)] == ["c1", "c2", "c3"]
    assert [(each.what, each.reason) for each in without_label(some)] == [("0.png", "has no label")]
    with pytest.raises(ManifestError, match="toy: none of 1 cases has a label"):
        labelled(some[:1])


def test_loader_processes_serve_gpus_alone_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    assert loader_workers(-1, on_gpu=False, world=1) == 0
    assert loader_workers(-1, on_gpu=True, world=1) == 8
    assert loader_workers(-1, on_gpu=True, world=4) == 3
    assert loader_workers(3, on_gpu=False, world=1) == 3


def test_films_on_a_gpu_are_augmented_there_without_loader_processes(toy: Manifest) -> None:
    """A tensor that only pretends refuses what mixes devices as a real one does, and needs no GPU."""
    data = film_data(toy, replace(EVERY_CHANGE, workers=2), "cuda:0")
    with FakeTensorMode(allow_non_fake_inputs=True):
        for loader in (data.train_dataloader(), data.val_dataloader()):
            assert (loader.num_workers, loader.pin_memory) == (0, False)
            assert (loader.dataset.films.device, loader.dataset.films.dtype) == (torch.device("cuda:0"), torch.uint8)
            for keys in loader.batch_sampler:
                films, labels, indices = loader.collate_fn([loader.dataset[key] for key in keys])
                assert (films.device, films.shape[1:], films.dtype) == (torch.device("cuda:0"), (32, 32), torch.float32)
                assert (labels.device.type, indices.device.type) == ("cpu", "cpu")


def test_on_a_cpu_the_films_stay_where_they_are(toy: Manifest) -> None:
    plain, moved = (film_data(toy, replace(EVERY_CHANGE, films_on_device=wanted), "cpu") for wanted in (False, True))
    kept = moved.train_dataloader().dataset.films
    pairs = zip(plain.train_dataloader(), moved.train_dataloader(), strict=True)
    assert all(torch.equal(one, other) for ours, theirs in pairs for one, other in zip(ours, theirs, strict=True))
    assert moved.train_dataloader().dataset.films is kept


def test_films_that_do_not_fit_into_the_gpu_are_one_line(toy: Manifest) -> None:
    data = film_data(toy, EVERY_CHANGE, "cuda:0")
    full = mock.patch.object(FilmDataset, "move_to", side_effect=torch.OutOfMemoryError("CUDA out of memory.\nmore"))
    with full, pytest.raises(RunError, match=r"32 films \(0\.0 GB\) do not fit into the memory that is free on cuda:0"):
        data.train_dataloader()
