"""Ensembles and worklists of evaluated models, and their places beside published tables."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from workbench.audit.scorecard import Scorecard, ScoredFilms
from workbench.core.case import Case
from workbench.core.errors import OptionError, UnknownNameError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import Resampling
from workbench.plots.cost_chart import cost_chart
from workbench.reports import model_tables
from workbench.reports.joined_models import AVERAGE, BEST, joined_models
from workbench.reports.published import measured_models, published_sections
from workbench.runs import Run, RunStore, read_run

CLASSES = ("normal", "abnormal")
FEW = Resampling(60)
SIGNALS = {"densenet121": (3.0, 0.3), "vgg19_bn": (0.3, 3.0), "resnet34": (0.0, 0.0)}
"""Architecture -> how well it knows hands and wrists."""


@pytest.fixture(scope="module")
def films() -> Manifest:
    cases = tuple(
        Case(
            f"{split}{i:03d}",
            f"{split}-p{i // 2}",
            f"{split}-s{i // 2}",
            f"{split}{i}.png",
            label=CLASSES[i // 2 % 2],
            body_part="hand" if i // 2 % 3 else "wrist",
            split=split,
        )
        for split in ("valid", "test")
        for i in range(160)
    )
    return Manifest("drawn", CLASSES, CLASSES[1:], Path(), cases)


def said_of(films: Manifest, hand: float, wrist: float, seed: int) -> Predictions:
    labels = np.array([CLASSES.index(case.label or "") for case in films])
    signal = np.array([hand if case.body_part == "hand" else wrist for case in films])
    noise = np.random.default_rng(seed).normal(size=len(labels))
    abnormal = 1 / (1 + np.exp(-signal * (labels - 0.5) - noise))
    ids, both = tuple(case.case_id for case in films), np.stack([1 - abnormal, abnormal], axis=1)
    return Predictions(ids, labels, np.zeros((len(ids), 1), np.float32), both, CLASSES, CLASSES[1:], "sigmoid")


def evaluated(films: Manifest, folder: Path, parts: Sequence[str] = ("",)) -> tuple[list[Run], list[Scorecard]]:
    store, runs, cards = RunStore(folder), [], []
    for architecture, signals in SIGNALS.items():
        for part in parts:
            own = films.where(case for case in films if part in ("", case.body_part))
            with store.create("train", {"architecture": architecture, "body_part": part}) as trained:
                pass
            with store.create("evaluate", {"body_part": part}) as run:
                for split in ("valid", "test"):
                    said = said_of(own.split(split), *signals, seed=len(runs))
                    scored = ScoredFilms(split, own, said, evaluate(said, own.split(split), resampling=FEW))
                    scored.save(run.folder)
            runs.append(read_run(run.folder))
            name, id_ = f"{architecture} {part}".strip(), trained.folder.name
            cards.append(Scorecard(name, id_, {"test": scored.evaluation}, parameters=8_000_000, training_s=600.0))
    return runs, cards


@pytest.fixture(scope="module")
def whole(films: Manifest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Run], list[Scorecard]]:
    return evaluated(films, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def by_part(films: Manifest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Run], list[Scorecard]]:
    return evaluated(films, tmp_path_factory.mktemp("parts"), ("hand", "wrist"))


def test_the_best_of_each_part_is_chosen_on_other_patients_and_beats_each_alone(
    whole: tuple[list[Run], list[Scorecard]], films: Manifest
) -> None:
    found = joined_models(*whole, films, split="test", choose_split="valid", metric="auroc", resampling=FEW)
    assert dict(found.choice[["body part", "chosen"]].to_numpy()) == {"hand": "densenet121", "wrist": "vgg19_bn"}
    aurocs = {name: each.interval("auroc", unit="study-mean").estimate for name, each in found.evaluations.items()}
    assert aurocs[BEST] > max(aurocs["densenet121"], aurocs["vgg19_bn"])
    assert found.notes == ("Did not learn, so not joined: resnet34",)
    assert list(found.scores().index) == ["densenet121", "vgg19_bn", AVERAGE, BEST]
    assert found.worklist["model"].tolist() == ["densenet121", "vgg19_bn", AVERAGE]


def test_without_predictions_to_choose_on_it_is_said(whole: tuple[list[Run], list[Scorecard]], films: Manifest) -> None:
    found = joined_models(*whole, films, split="test", choose_split="tune", resampling=FEW)
    assert "Not evaluated on tune, so not joined: densenet121, vgg19_bn" in found.notes
    assert any(note.startswith("No ensemble: a comparison needs at least two models") for note in found.notes)
    assert found.evaluations == {}
    assert not len(found.worklist)


def test_models_of_one_body_part_each_are_compared_part_by_part(
    by_part: tuple[list[Run], list[Scorecard]], films: Manifest
) -> None:
    groups = model_tables.model_groups(*by_part)
    assert {title: len(said) for title, said in groups.items()} == {"test, hand": 3, "test, wrist": 3}
    assert set(model_tables.comparisons(*by_part, films, resampling=FEW)) == set(groups)


def test_models_stand_in_murads_tables_by_their_architecture(
    whole: tuple[list[Run], list[Scorecard]], films: Manifest
) -> None:
    models = measured_models(*whole, "test")
    mean, vote, parts_mean, parts_vote = published_sections(["murad:3", "murad:4"], models, films, scale="small")
    row = mean.frame.set_index("architecture").loc["densenet121"]
    assert row["cohen-kappa (published)"] == 0.699
    assert row["cohen-kappa"] == str(models[0].evaluation.interval("cohen-kappa", unit="study-mean"))
    assert row["training-time"] == "10.0 min"
    assert "beside ours on drawn, scale small" in mean.title
    assert "majority vote" in vote.title
    assert "other films, so the numbers do not compare" in mean.notes[0]
    assert any("misprint" in note for note in mean.notes)
    hand = parts_mean.frame.set_index("body-part").loc["hand"]
    assert hand["densenet121 (published)"] == 0.587
    assert hand["densenet121"] == str(models[0].evaluation.interval("cohen-kappa", "hand", unit="study-mean"))
    assert len(parts_vote.frame) == 7


def test_the_leaderboard_shows_our_neighbours(whole: tuple[list[Run], list[Scorecard]], films: Manifest) -> None:
    (section,) = published_sections(["densenet-interpretation:3"], measured_models(*whole, "test"), films)
    kappas = section.frame["cohen-kappa"]
    assert kappas.is_monotonic_decreasing
    assert (section.frame["model"] == "densenet121 (ours)").sum() == 1


def test_per_part_models_fill_their_rows(by_part: tuple[list[Run], list[Scorecard]], films: Manifest) -> None:
    models = measured_models(*by_part, "test")
    sections = published_sections(["asu:3"], models, films)
    assert [section.title.rpartition(", ")[2] for section in sections] == [
        "macro average over both classes",
        "weighted average over both classes",
    ]
    assert sections[0].frame["f1 (published)"].notna().sum() == 7
    assert sections[0].frame["f1"].isna().all()  # none of them is a ResNet-50
    shown = sections[0].shown
    assert shown.loc["forearm", "precision (published)"] == "(0.60)"
    assert shown.loc["forearm", "ours"] == "-"


def test_what_is_refused(whole: tuple[list[Run], list[Scorecard]], films: Manifest) -> None:
    models = measured_models(*whole, "test")
    with pytest.raises(OptionError, match="wanted PAPER:TABLE, such as murad:3"):
        published_sections(["murad"], models, films)
    with pytest.raises(UnknownNameError, match="no published table to set models beside is called 'kalm:1'"):
        published_sections(["kalm:1"], models, films)


def test_cost_stands_under_what_it_gives(whole: tuple[list[Run], list[Scorecard]]) -> None:
    frame = model_tables.cost_frame(whole[1], "test", metric="auroc")
    figure = cost_chart(frame, cost="training_s", title="test")
    assert list(figure.data[0].x) == [10.0] * 3
    assert list(figure.data[0].marker.symbol) == ["circle", "circle", "circle-open"]
    with pytest.raises(OptionError, match="cost: 'money' is not one of"):
        cost_chart(frame.assign(money=1), cost="money")
