"""The whole demo, small: every run holds, every report opens without a network, the second time nothing is done."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.core.manifest import read_manifest
from workbench.demo import MODELS, OTHER, OWN, DemoOptions, DemoResult, run_demo
from workbench.runs import RunStore, verify

pytestmark = pytest.mark.browser
SMALL = DemoOptions(films=40, test_films=24, epochs=1, cases=2)


def quiet(_title: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def result(project: Path) -> DemoResult:
    return run_demo(project, SMALL, step=quiet)


def test_every_step_is_a_finished_run_that_holds(result: DemoResult) -> None:
    assert [run.kind for run in result.runs] == ["train", "train", *["evaluate", "explain"] * 2, "compare"]
    assert {run.id: verify(run) for run in result.runs} == {run.id: [] for run in result.runs}
    assert all(run.status == "done" for run in result.runs)


def test_the_cards_say_what_the_table_shows(result: DemoResult) -> None:
    assert [card.model for card in result.cards] == list(MODELS.values())
    for card in result.cards:
        assert list(card.evaluations) == [OWN, OTHER]
        assert card.fall is not None
        assert card.cover is not None
        assert card.cover.category == "flag"
        assert card.cover.with_region > 0
        assert card.cover.area <= 0.015


def test_both_models_saw_the_same_films_with_other_flags(project: Path, result: DemoResult) -> None:
    films = read_manifest(project / "data_manifests" / "phantom-demo.csv")
    assert len(result.runs) == 7
    for confounded in films.split(OWN):
        (twin,) = [case for case in films.select(confounded.twins) if case.split == OTHER]
        assert (twin.patient_id, twin.label, twin.view) == (confounded.patient_id, confounded.label, confounded.view)
        assert confounded.has("flag") == (confounded.label == "abnormal")


def test_every_report_opens_without_a_network(result: DemoResult, check_report: Any) -> None:
    figures = {run.kind: check_report(run.folder / "report.html") for run in result.runs}
    assert set(figures) == {"train", "evaluate", "explain", "compare"}


def test_the_index_links_to_every_report(result: DemoResult, check_report: Any) -> None:
    check_report(result.index)
    text = result.index.read_text()
    assert all(f"{run.id}/report.html" in text for run in result.runs)


def test_the_second_time_nothing_is_done_again(project: Path, result: DemoResult) -> None:
    again = run_demo(project, SMALL, step=quiet)
    assert [run.id for run in again.runs] == [run.id for run in result.runs]
    assert len(RunStore(project / "runs").list()) == len(result.runs)
