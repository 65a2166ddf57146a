from dataclasses import replace

import pytest

from workbench.core.errors import ManifestError, OptionError
from workbench.core.manifest import Manifest
from workbench.training.film_data import labelled, loader_workers, share_of_batch, without_label


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
