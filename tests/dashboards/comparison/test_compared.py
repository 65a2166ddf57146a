"""What a comparison is loaded from: runs, networks, and what cannot be used."""

from dataclasses import replace

import pytest

from workbench.audit.scorecard import Scorecard, score_films
from workbench.core.errors import ManifestError, ModelError, OptionError, RunError
from workbench.core.manifest import write_manifest
from workbench.dashboards.comparison.compared import load_models
from workbench.imaging.recipes import Recipe
from workbench.models.checkpoints import save_classifier
from workbench.models.zoo import build_classifier
from workbench.runs import RunStore, read_run


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return RunStore(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def evaluated(store, confounded, tmp_path_factory):
    """Two evaluations of untrained networks on the same films."""
    path = tmp_path_factory.mktemp("manifests") / "corners.csv"
    write_manifest(confounded, path)
    parameters = {"manifest": str(path), "root": str(confounded.root)}
    return [_evaluated(store, parameters, confounded, seed) for seed in (0, 1)]


def _evaluated(store, parameters, films, seed):
    classifier = build_classifier("compact-densenet", recipe=Recipe(size=32), seed=seed)
    with store.create("train", parameters) as work:
        save_classifier(classifier, work.folder)
        trained = work.folder.name
    with store.create("evaluate", parameters) as work:
        scored = score_films(classifier, films, "confounded")
        scored.save(work.folder)
        Scorecard("net", trained, {"confounded": scored.evaluation}, training_s=1.5 + seed).save(work.folder)
        folder = work.folder
    return read_run(folder)


@pytest.fixture
def load():
    opened = []

    def open_models(*arguments, **options):
        opened.append(load_models(*arguments, **options))
        return opened[-1]

    yield open_models
    for each in opened:
        each.close()


def test_runs_bring_films_predictions_and_costs(load, evaluated, confounded):
    found = load(evaluated)
    names = ["net", f"net ({evaluated[1].id[-4:]})"]
    assert list(found.models) == names
    assert [found.models[name].training_s for name in names] == [1.5, 2.5]
    assert {case.case_id for case in found.films} == {case.case_id for case in confounded}
    assert set(found.said("confounded")) == set(names)
    assert found.waiting() == {}
    assert found.refused == ()
    assert found.splits == ("confounded",)


def test_networks_classify_later(load, flag_reader, lesion_reader, balanced):
    found = load({"flag": flag_reader, "lesion": lesion_reader}, balanced)
    assert found.said() == {}
    assert {name: len(ids) for name, ids in found.waiting().items()} == {"flag": 24, "lesion": 24}
    found.models["flag"].session.predict([balanced[0].case_id])
    assert len(found.said()["flag"]) == 1
    other = load([flag_reader, lesion_reader], balanced)
    assert list(other.models) == ["CornerReader", "CornerReader 2"]


def test_only_one_split_is_taken(load, flag_reader, lesion_reader, balanced):
    found = load([flag_reader, lesion_reader], balanced, split="other")
    assert found.splits == ("other",)
    with pytest.raises(ManifestError, match="no split"):
        load([flag_reader, lesion_reader], balanced, split="none")


def test_a_damaged_run_is_named_and_the_rest_stays(load, evaluated, store, flag_reader):
    with store.create("evaluate", {}) as work:
        damaged = work.folder
    (damaged / "scorecard.json").write_text("{", encoding="utf-8")
    found = load([*evaluated, damaged, "no-such-run"])
    assert len(found.models) == 2
    assert [each.what for each in found.refused] == [str(damaged), "no-such-run"]
    assert "scorecard" in found.refused[0].reason


def test_other_films_and_other_classes_are_named(load, evaluated, confounded, flag_reader, balanced):
    elsewhere = replace(flag_reader, class_names=("fine", "ill"), positive=("ill",))
    found = load({"flag": flag_reader, "elsewhere": elsewhere, "run": evaluated[0]}, confounded)
    assert list(found.models) == ["flag", "run"]
    assert "tells fine, ill apart" in found.refused[0].reason


def test_an_unfinished_run_is_refused(load, store, evaluated, tmp_path):
    with pytest.raises(ZeroDivisionError), store.create("evaluate", {}) as work:
        raise ZeroDivisionError
    found = load([*evaluated, work.folder])
    assert "failed" in found.refused[0].reason


def test_too_few_models_and_none_that_can_be_used_are_errors(load, flag_reader, confounded):
    with pytest.raises(OptionError, match="two models; given 1"):
        load([flag_reader], confounded)
    with pytest.raises(OptionError, match="manifest"):
        load([flag_reader, flag_reader])
    with pytest.raises(RunError):
        load(["nothing", "none"])
    elsewhere = replace(flag_reader, class_names=("fine", "ill"), positive=("ill",))
    with pytest.raises(ModelError, match="apart"):
        load([elsewhere, elsewhere], confounded)
