"""What would make a cell fail is found before anything starts, all of it together; and what a cell will cost."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.batch.checks import plan_notes, plan_problems
from workbench.batch.cost import FORWARD_SHARE, RUN_OVERHEAD_S, expected_costs
from workbench.batch.experiment import ExperimentError
from workbench.batch.plan import Plan, plan_experiment
from workbench.core.case import Case
from workbench.core.files import write_json
from workbench.core.manifest import Manifest, write_manifest
from workbench.imaging.pixels import write_png
from workbench.runs import RunStore
from workbench.runs.environment import device_name
from workbench.training.history import EpochRecord, write_history

TEXT = """
title: Small
data: {manifest: films.csv}
train: {train_split: train, valid_split: valid, recipe: demo, size: 64, epochs: 3, batch_size: 4}
evaluate: {split: test}
"""


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Plan]:
    """Return a function that plans an experiment with the real notebooks, on 12 elbows and 12 wrists a split.

    The wrists of the test split are all normal.
    """
    monkeypatch.chdir(tmp_path)
    cases = tuple(
        Case(
            case_id=f"{split}{number}",
            patient_id=f"{split}p{number}",
            study_id=f"{split}s{number}",
            image="film.png",
            split=split,
            label="abnormal" if number % 4 > 1 and (split, number % 2) != ("test", 1) else "normal",
            body_part=("elbow", "wrist")[number % 2],
        )
        for split in ("train", "valid", "test")
        for number in range(24)
    )
    films = Manifest("films", ("normal", "abnormal"), ("abnormal",), tmp_path / "data" / "films", cases)
    films.root.mkdir(parents=True)
    write_png(films.root / "film.png", np.zeros((8, 8), dtype=np.float32))
    write_manifest(films, tmp_path / "films.csv")

    def plan(text: str) -> Plan:
        (tmp_path / "small.yaml").write_text(TEXT + text)
        return plan_experiment(tmp_path / "small.yaml", check=plan_problems, given={"root": str(films.root)})

    return plan


def problems(planned: Callable[[str], Plan], text: str) -> tuple[str, ...]:
    with pytest.raises(ExperimentError) as refused:
        planned(text)
    return refused.value.problems


def test_sound_plan_has_no_problems(planned: Callable) -> None:
    plan = planned("grid: {architecture: [compact-densenet, resnet18]}")
    assert [cell.id for cell in plan.cells] == ["compact-densenet", "resnet18"]


def test_everything_is_told_together_each_once_with_its_cells(planned: Callable, tmp_path: Path) -> None:
    found = problems(
        planned,
        """
titel: x
paper: murad
published: [3, 99]
cells:
  - {id: a, architecture: resnet81}
  - {id: b, head: sigmiod}
  - {id: c, recipe: dmeo}
  - {id: d, schedule: slow, epochs: 0}
  - {id: e, weights: nowhere.safetensors}
  - {id: f, body_part: wirst}
  - {id: g, body_part: wrist}
  - {id: h, valid_split: vaild}
  - {id: i, manifest: none.csv}
  - {id: j, fit: bent}
  - {id: k, colour: red}
  - {id: l, weights: imagenet}
""",
    )
    told = "\n".join(found)
    for each in (
        "did you mean 'title'?",
        "a: no architecture is called 'resnet81'; did you mean",
        "b: no head is called 'sigmiod'; did you mean 'sigmoid'?",
        "c: no recipe is called 'dmeo'; did you mean 'demo'?",
        "d: TrainingOptions.schedule: 'slow' is not one of",
        "d: TrainingOptions.epochs: 0 is below 1",
        "e: weights 'nowhere.safetensors': neither random, imagenet, a safetensors file",
        "f: films: no body part is called 'wirst'; did you mean 'wrist'?",
        "g: split 'test': films of wrist has only normal films in it (12)",
        "h: valid_split 'vaild': films has no labelled film in it; there are test, train, valid",
        f"i: {tmp_path / 'none.toml'}: the header is missing",
        "j: Recipe.fit: 'bent' is not one of",
        "cell k: no parameter is called 'colour'",
        "l: compact-densenet has no ImageNet weights; use weights='random' or the path",
        "published: no table of murad is called '99'",
    ):
        assert each in told
    assert len(found) == 15


def test_weights_to_be_downloaded_are_noted_with_the_command(
    planned: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    plan = planned("""
cells:
  - {id: a, weights: imagenet, architecture: resnet18}
  - {id: b, weights: imagenet, architecture: asu-vgg16}
  - {id: c, weights: imagenet, architecture: resnet18, body_part: elbow}
  - {id: d}
""")
    (note,) = plan_notes(plan)
    assert note.startswith("a, b, c: ImageNet weights are not on this machine yet; each is downloaded when its first")
    assert note.endswith("or now by `workbench weights fetch resnet18 asu-vgg16`")
    checkpoints = tmp_path / "torch" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "resnet18-f37072fd.pth").touch()
    assert plan_notes(plan)[0].startswith("b: ImageNet weights are not on this machine yet")
    (checkpoints / "vgg16-397923af.pth").touch()
    assert plan_notes(plan) == []


def test_one_problem_of_all_cells_is_one_line(planned: Callable) -> None:
    (found,) = problems(planned, "grid: {architecture: [resnet18, vgg16], body_part: [wrist]}")
    assert found.startswith("every cell: split 'test': films of wrist has only normal films")


def test_films_that_are_not_there_are_told(planned: Callable, tmp_path: Path) -> None:
    (tmp_path / "data" / "films" / "film.png").unlink()
    (found,) = problems(planned, "cells: [{id: a}]")
    assert "a: films: its films are not in" in found


def test_cost_comes_from_a_measured_step_and_grows_with_films_and_epochs(planned: Callable, store: RunStore) -> None:
    plan = planned("cells: [{id: all}, {id: elbow, body_part: elbow}, {id: longer, epochs: 30}]")
    every, elbow, longer = expected_costs(plan, store=store, threads=1)
    assert (every.train_films, every.valid_films, every.test_films, every.epochs) == (24, 24, 24, 3)
    assert (elbow.train_films, elbow.valid_films, elbow.test_films) == (12, 12, 12)
    assert every.source == "the fastest of 3 steps of 4 films of 64 px, measured here (cpu)"
    assert every.seconds > elbow.seconds > 2 * RUN_OVERHEAD_S
    assert longer.seconds > every.seconds


def test_cost_of_what_cannot_be_measured_is_not_known(planned: Callable, store: RunStore) -> None:
    plan = planned("cells: [{id: a, architecture: inception_v3, size: 32}]")
    (cost,) = expected_costs(plan, store=store)
    assert cost.seconds is None
    assert cost.source.startswith("cannot be measured here (")


def test_cost_comes_from_a_finished_training_where_there_is_one(planned: Callable, store: RunStore) -> None:
    import torch

    plan = planned("cells: [{id: a}]")
    with store.create("train", plan.cells[0].train) as work:
        records = [EpochRecord(number, 0.1, 0.1, 0.5, 0.1, 0.5, None, 8.0) for number in (1, 2)]
        write_history(tuple(records), work.folder / "history.csv")
        content = {"training": "", "kept_epoch": 1, "reason": "", "train_films": 6, "valid_films": 6, "skipped": []}
        write_json(work.folder / "training.json", content)
    assert device_name(torch) == store.get(work.id).environment["device"]
    (cost,) = expected_costs(plan, store=store)
    assert cost.source == f"the finished training {work.id}"
    film_s = 16.0 / (2 * (6 + FORWARD_SHARE * 6))
    wanted = (3 * (24 + FORWARD_SHARE * 24) + FORWARD_SHARE * 24) * film_s + 2 * RUN_OVERHEAD_S
    assert cost.seconds == pytest.approx(wanted)
