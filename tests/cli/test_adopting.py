"""``workbench adopt`` from the arguments to a run that loads, and what is refused."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from workbench.core.case import Case
from workbench.core.manifest import Manifest, write_manifest
from workbench.dashboards.sources import run_source
from workbench.models.checkpoints import load_classifier
from workbench.runs.store import RunStore

CODE = """
from torch import nn


def build():
    return nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 1))
"""
GIVEN = ("--factory", "brightness:build", "--weights", "w.ckpt", "--class-names", "normal,abnormal", "--size", 32,
         "--channels", 1, "--normalisation", "unit", "--runs", "runs")  # fmt: skip


@pytest.fixture
def adopting(workbench: Callable, tmp_path: Path, draw_film: Callable, monkeypatch: Any) -> Iterator[Callable]:
    """Return the command in a folder with a network that calls bright films abnormal, and eight films."""
    (tmp_path / "brightness.py").write_text(CODE)
    body = {"model.0.weight": torch.ones(1, 1, 1, 1), "model.0.bias": torch.zeros(1)}
    for name, sign in (("w.ckpt", 1), ("other.ckpt", -1)):
        head = {"model.4.weight": torch.full((1, 1), 8.0 * sign), "model.4.bias": torch.full((1,), -4.0 * sign)}
        torch.save({"state_dict": body | head}, name)
    cases = []
    for index in range(8):
        draw_film(tmp_path / "films" / f"{index}.png", 0.1 + 0.1 * index)
        label = ("normal", "abnormal")[index // 4]
        cases.append(Case(f"c{index}", f"p{index}", f"s{index}", f"{index}.png", label=label, split="test"))
    films = Manifest("grey", ("normal", "abnormal"), ("abnormal",), tmp_path / "films", tuple(cases))
    write_manifest(films, tmp_path / "grey.csv")
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield workbench
    sys.modules.pop("brightness", None)


def test_a_network_becomes_a_run_that_everything_takes(adopting: Callable, tmp_path: Path) -> None:
    done = adopting("adopt", *GIVEN, "--manifest", "grey.csv", "--root", "films", "--name", "brightness")
    assert done.code == 0, done.err
    assert "AUROC on 8 films of grey: 1.00" in done.out
    assert "guessing" not in done.out
    (run,) = RunStore(tmp_path / "runs").list()
    assert (run.kind, run.status) == ("adopt", "done")
    assert run.inputs["weights"]["sha256"]
    classifier = load_classifier(run.folder)
    assert (classifier.head.name, classifier.recipe.size, classifier.recipe.channels) == ("sigmoid", 32, 1)
    source = run_source(run)
    assert (source.name, len(source.manifest)) == ("brightness", 8)


def test_a_network_that_takes_bright_for_dark_shows(adopting: Callable) -> None:
    done = adopting("adopt", *GIVEN, "--weights", "other.ckpt", "--manifest", "grey.csv", "--root", "films")
    assert "AUROC on 8 films of grey: 0.00" in done.out
    assert "no better than guessing" in done.out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("--factory", "darkness:build"), "no module is called 'darkness'"),
        (("--weights", "absent.pt"), "absent.pt: the weights cannot be read"),
        (("--class-names", "a,b,c"), "a sigmoid head tells two classes apart, given 3"),
        (("--class-names", "abnormal,normal"), "the model tells abnormal, normal apart, grey has normal, abnormal"),
        (("--recipe", "murat"), "no recipe is called 'murat'; did you mean 'murad'"),
    ],
)
def test_what_does_not_fit_is_one_line_and_leaves_no_run(
    adopting: Callable, tmp_path: Path, changed: tuple[str, str], message: str
) -> None:
    assert message in adopting("adopt", *GIVEN, "--manifest", "grey.csv", "--root", "films", *changed).refusal
    assert not list(RunStore(tmp_path / "runs").list())
