"""Tables that reports show, and the cases beside them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.attribution.explain import explain
from workbench.audit.scorecard import Scorecard, ScoredFilms, score_films
from workbench.core.annotation import annotation_from_mask
from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.core.explanation import Activations, Explanation
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier
from workbench.models.zoo import build_classifier
from workbench.plots.sheet import Picture
from workbench.reports import cases, tables
from workbench.runs import RunStore, read_run

CLASSES = ("normal", "abnormal")
FLAG = np.zeros((48, 40), dtype=bool)
FLAG[4:12, 4:12] = True


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root, generator = tmp_path_factory.mktemp("films"), np.random.default_rng(5)
    found = []
    flag = annotation_from_mask("flag", FLAG)
    assert flag is not None
    for index in range(8):
        pixels = generator.random(FLAG.shape, dtype=np.float32) * 0.4
        pixels[FLAG] += 0.5 if index % 2 else 0.0
        write_png(root / f"{index}.png", pixels)
        case = Case(f"case-{index}", f"patient-{index}", f"study-{index}", f"{index}.png", label=CLASSES[index % 2])
        found.append(replace(case, width=40, height=48, split="test", annotations=(flag,) if index % 2 else ()))
    return Manifest("flags", CLASSES, CLASSES[1:], root, tuple(found))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return build_classifier("compact-densenet", recipe=Recipe(size=64, fit="pad"))


@pytest.fixture(scope="module")
def scored(classifier: Classifier, films: Manifest) -> ScoredFilms:
    return score_films(classifier, films, "test")


def test_metrics_have_a_row_and_units_a_column(scored: ScoredFilms) -> None:
    table = tables.metrics_table(scored.evaluation)
    assert list(table.columns) == ["image", "study-majority", "study-mean", "patient"]
    assert table.loc["cases", "image"] == "8"
    assert table.loc["auroc", "image"] == str(scored.evaluation.interval("auroc"))


def test_what_was_skipped_is_listed_and_nothing_is_said_to_be_nothing() -> None:
    table = tables.skipped_table([Skipped("a.png", "truncated")])
    assert table.to_numpy().tolist() == [["a.png", "truncated"]]
    assert tables.skipped_table([])["reason"].tolist() == ["every film was used"]


def test_rates_at_the_threshold_are_those_of_the_confusion(scored: ScoredFilms) -> None:
    (row,) = tables.operating_points({"model": scored.predictions}).to_dict("records")
    said, truth = scored.predictions.abnormal > 0.5, scored.predictions.truth == 1
    assert row["true_positive_rate"] == pytest.approx(said[truth].mean())
    assert row["false_positive_rate"] == pytest.approx(said[~truth].mean())


def test_a_curve_runs_from_corner_to_corner(scored: ScoredFilms) -> None:
    rates = tables.roc_frame({"model": scored.predictions})[["false_positive_rate", "true_positive_rate"]].to_numpy()
    assert rates[0].tolist() == [0, 0]
    assert rates[-1].tolist() == [1, 1]
    assert (np.diff(rates, axis=0) >= 0).all()


def test_a_map_that_is_the_flag_is_found_on_the_flag(classifier: Classifier, films: Manifest) -> None:
    flagged = films.where(case for case in films if case.has("flag"))
    found = explain(classifier, flagged, ["grad-cam"])["grad-cam"]
    assert isinstance(found, Explanation)
    maps = np.repeat(FLAG[None].astype(np.float32), len(flagged), axis=0)
    exact = replace(found, maps=maps, to_film=np.tile(np.eye(3), (len(flagged), 1, 1)))
    (row,) = tables.localisation_table(flagged, {"exact": exact}).to_dict("records")
    assert (row["on"], row["share of attribution"], row["IoU of the map's box"]) == ("flag", "100.0%", "1.00")
    assert float(row["enrichment over its area"]) == pytest.approx(1 / FLAG.mean(), abs=0.05)


def test_models_stand_side_by_side_from_what_their_runs_kept(tmp_path: Path, scored: ScoredFilms) -> None:
    store, cards, runs = RunStore(tmp_path), [], []
    for name in ("first", "second"):
        with store.create("evaluate", {}) as run:
            scored.save(run.folder)
        cards.append(Scorecard(name, "run", {"test": scored.evaluation}))
        runs.append(read_run(run.folder))
    assert tables.comparison_table(cards).shape[1] == 2
    assert set(tables.predictions_by_model(runs, cards, "test")) == {"first", "second"}


def test_cases_are_drawn_as_they_are_and_covered(classifier: Classifier, films: Manifest) -> None:
    flagged = films.where(case for case in films if case.has("flag"))[:1]
    found = explain(classifier, flagged, ["cam", "activations"], target="abnormal")
    assert isinstance(found["cam"], Explanation)
    assert isinstance(found["activations"], Activations)
    figure = cases.draw_case(flagged, "case-1", found["cam"], found["activations"])
    assert isinstance(figure, Picture)
    assert len(cases.draw_cover(classifier, flagged, "case-1", category="flag").axes) >= 6
    (row,) = cases.sheet_rows(flagged, found["cam"])
    assert set(row.masks) == {"flag"}
    with pytest.raises(ManifestError, match="nothing to cover"):
        cases.draw_cover(classifier, films, "case-0", category="flag")
