"""Which evaluations a comparison takes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.audit.evaluated import evaluated_runs
from workbench.audit.scorecard import Scorecard
from workbench.core.case import Case
from workbench.core.errors import RunError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import Resampling
from workbench.evaluation.scores import Evaluation
from workbench.runs import RunStore

NAMES = ("normal", "abnormal")


@pytest.fixture(scope="module")
def films() -> Manifest:
    cases = tuple(Case(f"c{i}", f"p{i}", f"s{i}", f"{i}.png", label=NAMES[i % 2]) for i in range(4))
    return Manifest("films", NAMES, NAMES[1:], Path(), cases)


@pytest.fixture(scope="module")
def evaluation(films: Manifest) -> Evaluation:
    probabilities = np.array([[0.8, 0.2], [0.1, 0.9], [0.7, 0.3], [0.4, 0.6]])
    ids, labels = tuple(case.case_id for case in films), np.array([0, 1, 0, 1])
    said = Predictions(ids, labels, np.zeros((4, 1), dtype=np.float32), probabilities, NAMES, NAMES[1:], "sigmoid")
    return evaluate(said, films, resampling=Resampling(5))


def finished(store: RunStore, card: Scorecard) -> str:
    with store.create("evaluate", {}) as run:
        card.save(run.folder)
    return run.id


def test_the_newest_evaluation_of_each_model_is_taken(tmp_path: Path, films: Manifest, evaluation: Evaluation) -> None:
    store = RunStore(tmp_path)
    of_a, of_b = (Scorecard(name, f"train-{name}", {"test": evaluation}) for name in "ab")
    finished(store, of_b)
    old = finished(store, of_a)
    b = finished(store, of_b)
    a = finished(store, of_a)
    twin = finished(store, replace(of_a, run="train-c"))  # called alike, but trained for itself
    runs, cards = evaluated_runs([], films, store=store)
    assert [run.id for run in runs] == [a, b, twin]
    assert [card.run for card in cards] == ["train-a", "train-b", "train-c"]
    named, (card,) = evaluated_runs([old], films, store=store)
    assert [run.id for run in named] == [old]
    assert card.model == "a"


def test_other_films_other_runs_and_unfinished_ones_are_left_out(
    tmp_path: Path, films: Manifest, evaluation: Evaluation
) -> None:
    store = RunStore(tmp_path)
    card = Scorecard("a", "train-a", {"test": evaluation})
    only = finished(store, card)
    finished(store, replace(card, evaluations={"test": replace(evaluation, name="other films")}))
    with store.create("evaluate", {}):
        pass  # without a scorecard
    with store.create("train", {}) as trained:
        card.save(trained.folder)
    open_run = store.create("evaluate", {})
    card.save(open_run.folder)  # never committed
    runs, _ = evaluated_runs([], films, store=store)
    assert [run.id for run in runs] == [only]


def test_without_an_evaluation_the_way_to_one_is_said(tmp_path: Path, films: Manifest) -> None:
    with pytest.raises(RunError, match=r"no finished evaluation on films in .*run the notebook 40_evaluate first"):
        evaluated_runs([], films, store=RunStore(tmp_path))
