"""From a run to what the explorer opens with."""

import pytest

from tests.tiny_project import make_tiny_project
from workbench.audit.cover import cover_regions
from workbench.audit.suspicion import COVER_FILE, suspicions, write_cover_table
from workbench.core.errors import ReaderError, RunError
from workbench.dashboards.explorer.explorer import explore
from workbench.dashboards.sources import run_source


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_tiny_project(tmp_path_factory.mktemp("project"))


def test_an_evaluation_brings_its_model_films_and_predictions(project):
    source = run_source(project.evaluated)
    assert source.name == "reads the flag"
    assert len(source.manifest) == len(source.predictions) == 24
    assert source.reviews.parent == project.evaluated.folder
    assert source.suspicion == {}
    one = run_source(project.evaluated, split="other")
    assert {case.split for case in one.manifest} == {"other"}
    assert set(one.predictions.case_ids) == {case.case_id for case in one.manifest}


def test_a_training_run_brings_its_films_and_nothing_predicted(project):
    source = run_source(project.trained)
    assert (len(source.manifest), source.predictions) == (24, None)


def test_an_evaluation_that_covered_something_opens_with_suspicion_known(project):
    source = run_source(project.evaluated)
    write_cover_table(project.evaluated.folder, cover_regions(source.classifier, source.manifest, resamples=20))
    explorer = explore(project.evaluated)
    state = explorer.state
    known = state.frame.set_index("case_id")["suspicion"].dropna().to_dict()
    assert known == pytest.approx(suspicions(source.classifier, source.manifest))
    assert set(known) == {case.case_id for case in source.manifest if case.has("flag")}
    (project.evaluated.folder / COVER_FILE).write_text("nonsense")
    with pytest.raises(ReaderError, match="columns"):
        run_source(project.evaluated)
    (project.evaluated.folder / COVER_FILE).unlink()
    state.session.close()


def test_no_run_is_an_error_in_words(tmp_path):
    with pytest.raises(RunError):
        run_source(tmp_path / "nothing")
