"""An experiment becomes cells with complete parameters, or a list of everything that is wrong with it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.batch.experiment import ExperimentError
from workbench.batch.plan import plan_experiment, read_plan
from workbench.core.errors import RunError, UnknownNameError

Write = Callable[[str], Path]
GRID = """
title: Two by two
data: {manifest: films.csv}
train: {epochs: 30, flip: no}
grid:
  architecture: [resnet18, vgg16]
  pause: [0.5, 1.0]
scale:
  small: {train: {epochs: 1}, data: {manifest: phantoms.csv}, grid: {architecture: [vgg16]}, memory_gb: 1}
  smoke: {grid: {pause: [0.0]}}
"""
CELLS = """
title: One from another
cells:
  - {id: tuned, weights: "cell:all", split: wrist}
  - {id: all}
scale:
  small: {cells: [all]}
  smoke: {cells: [tuned]}
"""


def problems(path: Path, **options: object) -> tuple[str, ...]:
    with pytest.raises(ExperimentError) as refused:
        plan_experiment(path, **options)
    assert "\n" not in str(refused.value)
    return refused.value.problems


def test_grid_becomes_cells_with_readable_names_and_complete_parameters(write_experiment: Write) -> None:
    plan = plan_experiment(write_experiment(GRID))
    assert [cell.id for cell in plan.cells] == [
        "resnet18-pause-0.5", "resnet18-pause-1.0", "vgg16-pause-0.5", "vgg16-pause-1.0",
    ]  # fmt: skip
    assert plan.cells[0].train == {
        "manifest": "films.csv", "name": "resnet18-pause-0.5", "architecture": "resnet18", "weights": "random",
        "epochs": 30, "pause": 0.5, "flip": False, "fault": "", "journal": "",
    }  # fmt: skip
    assert plan.cells[0].evaluate["manifest"] == "films.csv"
    assert plan.heading == "Two by two (paper, films)"


def test_scale_changes_numbers_data_and_how_many_cells(write_experiment: Write) -> None:
    small = plan_experiment(write_experiment(GRID), scale="small")
    assert [cell.id for cell in small.cells] == ["vgg16-pause-0.5", "vgg16-pause-1.0"]
    assert {(cell.train["epochs"], cell.train["flip"]) for cell in small.cells} == {(1, False)}
    assert small.cells[0].evaluate["manifest"] == "phantoms.csv"
    assert (small.memory_gb, small.heading) == (1.0, "Two by two (small, phantoms)")
    smoke = plan_experiment(write_experiment(GRID), scale="smoke")
    assert [cell.train["pause"] for cell in smoke.cells] == [0.0, 0.0]


def test_given_parameter_goes_to_every_notebook_that_has_it(write_experiment: Write) -> None:
    plan = plan_experiment(write_experiment(GRID), given={"manifest": "mura.csv", "metric": "kappa"})
    assert plan.cells[0].train["manifest"] == plan.cells[0].evaluate["manifest"] == "mura.csv"
    assert plan.compare["metric"] == "kappa"


def test_given_values_of_an_axis_take_the_place_of_the_grids(write_experiment: Write) -> None:
    plan = plan_experiment(write_experiment(GRID), given={"architecture": "vgg16, alexnet", "pause": "2"})
    assert [cell.id for cell in plan.cells] == ["vgg16-pause-2.0", "alexnet-pause-2.0"]
    assert [(cell.train["architecture"], cell.train["pause"]) for cell in plan.cells] == [
        ("vgg16", 2.0), ("alexnet", 2.0),
    ]  # fmt: skip
    (problem,) = set(problems(write_experiment(GRID), given={"pause": "1,soon"}))
    assert problem.startswith("-p: parameter pause:")
    assert "soon" in problem


def test_cell_comes_behind_the_one_it_starts_from_and_its_values_go_where_they_fit(write_experiment: Write) -> None:
    plan = plan_experiment(write_experiment(CELLS))
    assert [(cell.id, cell.needs) for cell in plan.cells] == [("all", ""), ("tuned", "all")]
    assert plan.cell("tuned").evaluate["split"] == "wrist"
    assert "split" not in plan.cell("tuned").train
    with pytest.raises(UnknownNameError, match="did you mean 'tuned'"):
        plan.cell("tunde")


def test_cell_without_the_one_it_starts_from_is_refused(write_experiment: Write) -> None:
    assert problems(write_experiment(CELLS), scale="smoke") == (
        "cell tuned: weights: no cell is called 'all'; known: tuned",
    )


def test_cells_in_a_circle_are_refused(write_experiment: Write) -> None:
    path = write_experiment("title: t\ncells: [{id: a, weights: 'cell:b'}, {id: b, weights: 'cell:a'}]")
    assert problems(path) == ("cells a, b: start from each other's weights, or from a cell that cannot be",)


def test_plan_is_read_as_it_was_written(write_experiment: Write, tmp_path: Path) -> None:
    plan = plan_experiment(write_experiment(CELLS))
    plan.write(tmp_path)
    assert read_plan(tmp_path) == plan
    assert read_plan(tmp_path) != replace(plan, scale="small")
    with pytest.raises(RunError, match="is not the folder of a sweep"):
        read_plan(tmp_path / "elsewhere")


def test_everything_that_is_wrong_is_told_at_once(write_experiment: Write) -> None:
    path = write_experiment("""
titel: none
notebooks: {train: 99_nowhere.ipynb, explain: x}
cells: [{id: Bad Name}, {id: a}, {id: a}, 3]
grid: {epochs: []}
unstated: [{what: all}]
scale: {smal: {}, small: {cells: [b], grid: {pause: [1]}, memory_gb: 0}, smoke: {size: 3}}
""")
    found = "\n".join(problems(path, scale="papre"))
    for each in (
        "no key of an experiment is called 'titel'; did you mean 'title'?",
        "title is missing",
        "no notebook's step is called 'explain'",
        "train: no notebook 99_nowhere.ipynb in",
        "cell 1: id 'Bad Name'",
        "cell 3: id 'a' occurs twice",
        "cell 4 is a int",
        "grid: epochs is '[]'",
        "unstated: \"{'what': 'all'}\"",
        "no scale is called 'smal'; did you mean 'small'?",
        "scale small: no cell is called 'b'",
        "scale small: no axis of the grid is called 'pause'",
        "scale small: memory_gb 0.0 is not a positive number",
        "scale smoke: no key of an experiment is called 'size'",
        "no scale of this experiment is called 'papre'; did you mean 'paper'?",
    ):
        assert each in found


def test_every_wrong_parameter_is_told_with_its_place(write_experiment: Write) -> None:
    path = write_experiment("""
title: t
data: {manifets: a.csv, run: latest}
train: {epochs: many, fault: 3}
evaluate: {epochs: 3}
compare: {runs: [a], metric: 1}
cells: [{id: a, colour: red}, {id: b, pause: long}]
scale: {small: {train: {flip: yes, architecture: vgg16, epochs: 1}}}
""")
    found = "\n".join(problems(path, scale="small"))
    for each in (
        "data: no parameter is called 'manifets'; did you mean 'manifest'?",
        "data: run is given by the sweep itself",
        "cell a: parameter fault: 3 is a int, wanted str",
        "evaluate: no parameter is called 'epochs'",
        "compare: runs is given by the sweep itself",
        "compare: parameter metric: 1 is a int",
        "cell a: no parameter is called 'colour'",
        "cell b: parameter pause: 'long' is a str, wanted float",
        "scale small: train: flip: a scale changes numbers and the data set only",
        "scale small: train: architecture: a scale changes numbers and the data set only",
    ):
        assert each in found
    assert "scale small: train: epochs" not in found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1", "not readable as YAML"),
        ("- 1", "is a list; wanted keys"),
        ("", "is a NoneType"),
        ("title: a\ntitle: b", "'title' occurs twice"),
        ("title: &a x\npaper: *a", "an alias; write it out"),
        ("title: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("[" * 5000, "not readable as YAML"),
        ("title: " + "x" * 1_000_001, "has more than 1,000,000 bytes"),
        ("{[1]: 2}", "not readable as YAML"),
        ("title: \x00", "not readable as YAML"),
    ],
)
def test_what_is_no_experiment_is_refused_in_one_line(write_experiment: Write, text: str, reason: str) -> None:
    (problem,) = problems(write_experiment(text))
    assert reason in problem


def test_absent_file_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.yaml") == ("no such file",)


def test_too_many_cells_are_refused_before_they_are_made(write_experiment: Write) -> None:
    axes = "\n".join(f"  {name}: [{', '.join(map(str, range(40)))}]" for name in ("epochs", "pause"))
    assert "has more than 1000 cells" in problems(write_experiment(f"title: t\ngrid:\n{axes}\n"))


def test_experiment_without_cells_is_refused(write_experiment: Write) -> None:
    assert problems(write_experiment("title: t")) == ("has neither cells nor a grid: nothing to train",)
