"""Case studies: every figure with its own model, and what a crop and a model change, apart."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.audit.crop_square import CROPPED, WHOLE, CropSquare, box_mask
from workbench.audit.edits import EditedFilm
from workbench.audit.what_if import Look
from workbench.core.annotation import annotation_from_mask
from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.core.geometry import translation
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.imaging.regions import mask_box
from workbench.models.checkpoints import save_classifier
from workbench.models.zoo import build_classifier
from workbench.plots.sheet import Picture
from workbench.reports import case_figures
from workbench.reports.case_studies import CaseStudies, read_case_studies
from workbench.runs import Run, RunStore, read_run

CLASSES = ("normal", "abnormal")
SHAPE = (96, 80)
INSIDE = (8, 8, 72, 88)
"""What lies within the frame: left, top, right, bottom."""
EVIDENCE, FLAG = np.s_[40:56, 30:42], np.s_[12:20, 56:68]


def mask(*where: slice) -> np.ndarray:
    found = np.zeros(SHAPE, dtype=bool)
    found[where] = True
    return found


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    root, cases = tmp_path_factory.mktemp("films"), []
    generator = np.random.default_rng(3)
    frame = ~mask(slice(8, 88), slice(8, 72))
    for index in range(3):
        pixels = 0.1 + 0.2 * generator.random(SHAPE, dtype=np.float32)
        pixels[EVIDENCE], pixels[FLAG] = 0.7, 0.9
        pixels[frame] = 0.6 if index < 2 else pixels[frame]
        write_png(root / f"{index}.png", pixels)
        things = {"evidence": mask(*EVIDENCE), "flag": mask(*FLAG), "frame": frame}
        noted = tuple(annotation_from_mask(name, each) for name, each in things.items()) if index < 2 else ()
        case = Case(f"c{index}", f"p{index}", f"s{index}", f"{index}.png", label=CLASSES[1], body_part="finger")
        cases.append(replace(case, width=SHAPE[1], height=SHAPE[0], annotations=noted))
    gone = replace(cases[0], case_id="gone", image="gone.png")
    return Manifest("framed", CLASSES, CLASSES[1:], root, (*cases, gone))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("runs"))


def trained(store: RunStore, architecture: str, name: str, seed: int = 0, classes: Sequence[str] = CLASSES) -> Run:
    with store.create("train", {"name": name}) as run:
        recipe = Recipe(size=64)
        model = build_classifier(architecture, class_names=classes, positive=classes[1:], recipe=recipe, seed=seed)
        save_classifier(model, run.folder)
    return read_run(run.folder)


@pytest.fixture(scope="module")
def runs(store: RunStore) -> dict[str, Run]:
    with store.create("evaluate", {}) as evaluation:
        pass
    return {
        "all": trained(store, "compact-densenet", "All extremities"),
        "finger": trained(store, "compact-densenet", "Finger only", seed=1),
        "no-cam": trained(store, "mobilenet_v3_small", "Small"),
        "parts": trained(store, "compact-densenet", "Parts", classes=("hand", "wrist")),
        "evaluation": read_run(evaluation.folder),
    }


@pytest.fixture(scope="module")
def studies(films: Manifest, store: RunStore, runs: dict[str, Run]) -> CaseStudies:
    cases = ["c0@finger: Case 7", f"c1@{runs['all'].id}", "c2@no-cam"]
    return read_case_studies(cases, films, square=["c0@finger", "c0@all"], cells=runs, store=store)


def words_of(picture: Picture) -> str:
    return "\n".join(text.get_text() for text in picture.texts)


def test_each_case_has_its_own_model(studies: CaseStudies, runs: dict[str, Run]) -> None:
    first, second, third = studies.single
    assert (first.case_id, first.run.id, first.title, first.name) == ("c0", runs["finger"].id, "Case 7", "Finger only")
    assert (second.run.id, second.title, second.method) == (runs["all"].id, "", "cam")
    assert studies.pair[0].model is first.model  # loaded once
    assert first.model is not second.model
    assert (third.method, third.asked) == ("grad-cam", "cam")
    assert third.note.endswith("Its head has no cam: grad-cam instead")


def test_figure_names_model_probability_label_and_class(studies: CaseStudies, films: Manifest, tmp_path: Path) -> None:
    for study, method in zip(studies.single, ("CAM", "CAM", "Grad-CAM"), strict=True):
        shown = case_figures.show_case(study, films, target="abnormal")
        words = words_of(shown.figure)
        probability = shown.explanation.probabilities[0].max()
        assert f"p\u00a0=\u00a0{probability:.3f}), labelled abnormal · map of the class abnormal" in words
        assert study.run.id in words
        assert study.name in words
        assert f"\n{method}\n" in words
        assert len(shown.activations.stages) >= 4
        assert words.startswith(f"{study.case_id}   {study.title or 'finger'}")
    shown.save(tmp_path)
    assert len(list(tmp_path.glob("case-c2-*.png"))) == len(list(tmp_path.glob("stage-shares-c2-*.csv"))) == 1


def test_stage_shares_are_those_of_the_maps(studies: CaseStudies, films: Manifest) -> None:
    shown = case_figures.show_case(studies.single[0], films)
    case, activations = films[0], shown.activations
    last = len(activations.stages) - 1
    drawn = [activations.on_film(0, last, place) for place in range(16)]
    expected = np.mean([each[FLAG].sum() / each.sum() for each in drawn if each.sum() > 0])
    rows = shown.shares.set_index(["stage", "category"])
    row = rows.loc[(activations.stages[last].title, "flag")]
    assert row["share"] == pytest.approx(expected, rel=1e-5)
    assert row["area"] == pytest.approx(case.mask("flag").mean())
    table = case_figures.stage_share_table(shown.shares)
    assert list(table.index) == ["share of the film", *(stage.title for stage in activations.stages)]
    assert table.loc[activations.stages[last].title, "flag"] == f"{expected:.1%} ({expected / row['area']:.1f})"


def test_a_film_on_which_nothing_is_known_has_no_shares(studies: CaseStudies, films: Manifest) -> None:
    shares = case_figures.show_case(studies.single[2], films).shares
    assert shares.empty
    assert "nothing is annotated" in case_figures.stage_share_table(shares).to_string()


def test_the_square_is_each_model_on_the_film_and_on_what_lies_inside_its_frame(
    studies: CaseStudies, films: Manifest
) -> None:
    square = case_figures.show_square(studies)
    assert square is not None
    assert square.box == studies.box
    np.testing.assert_allclose(square.box, INSIDE, atol=2)
    assert mask_box(box_mask(square.box, SHAPE) & films[0].mask("frame")) is None
    assert list(square.looks) == ["Finger only", "All extremities"]
    for study, (whole, cropped) in zip(studies.pair, square.looks.values(), strict=True):
        shown = case_figures.show_case(study, studies.films, target="abnormal")
        assert whole.probability == pytest.approx(float(shown.explanation.probabilities[0, 1]), abs=1e-6)
        left, top, right, bottom = square.box
        np.testing.assert_array_equal(cropped.film.pixels, whole.film.pixels[top:bottom, left:right])
        assert cropped.probability != whole.probability
    picture = case_figures.draw_square(studies, square)
    words = words_of(picture)
    assert words.count("probability of abnormal") == 4
    assert all(f"run {study.run.id}" in words for study in studies.pair)
    assert "CAM of the class abnormal, all on one scale" in words
    assert "…" not in words
    assert len(picture.axes) == 5


def test_one_scale_for_all_four(studies: CaseStudies) -> None:
    square = case_figures.show_square(studies)
    assert square is not None
    greatest = max(float(np.abs(look.film_map).max()) for looks in square.looks.values() for look in looks)
    left, right = case_figures.draw_square(studies, square).axes[-1].images[0].get_extent()[:2]
    assert right == pytest.approx(greatest)
    assert left in (0.0, pytest.approx(-greatest))


def test_heads_without_a_cam_turn_both_maps_into_grad_cam(
    films: Manifest, store: RunStore, runs: dict[str, Run]
) -> None:
    asked = {"square": ["c0@all", "c0@no-cam"], "box": [10, 10, 60, 80], "cells": runs, "store": store}
    studies = read_case_studies([], films, **asked)
    assert [study.method for study in studies.pair] == ["grad-cam", "grad-cam"]
    square = case_figures.show_square(studies)
    assert square is not None
    assert square.box == (10, 10, 60, 80)
    words = words_of(case_figures.draw_square(studies, square))
    assert "one head has no cam, so grad-cam for both" in words
    assert "compare places" in words
    assert "…" not in words


def look(title: str, probability: float, film_map: np.ndarray) -> Look:
    film = EditedFilm(np.zeros(film_map.shape, dtype=np.float32), translation(0, 0))
    return Look(title, film, film_map, np.eye(3), probability)


@pytest.fixture
def square(films: Manifest) -> CropSquare:
    """A square whose maps lie on the flag with the first model, and on the evidence with the second."""
    maps = [mask(*FLAG).astype(np.float32), mask(*EVIDENCE).astype(np.float32)]
    shares = {"A": (0.9, 0.4), "B": (0.7, 0.75)}
    looks = {
        name: (look(WHOLE, whole, each), look(CROPPED, cropped, each[20:88, 8:72]))
        for (name, (whole, cropped)), each in zip(shares.items(), maps, strict=True)
    }
    return CropSquare(films[0], "abnormal", (8, 20, 72, 88), looks)


def test_sentences_tell_crop_and_model_apart(square: CropSquare) -> None:
    crop, model, both = case_figures.square_sentences(square)
    assert "with “A” from 0.900 to 0.400 (−0.500, which turns the verdict)" in crop
    assert "with “B” from 0.700 to 0.750 (+0.050)." in crop
    assert "on the film as it is from 0.900 to 0.700 (−0.200)" in model
    assert "on the cropped film from 0.400 to 0.750 (+0.350, which turns the verdict)" in model
    assert "from 0.900 to 0.750 (−0.150)" in both
    assert both.endswith("+0.550.")


def test_shares_are_taken_in_the_pixels_of_each_film(square: CropSquare) -> None:
    table = case_figures.square_table(square)
    assert table.loc["probability of abnormal"].tolist() == ["0.900", "0.400", "0.700", "0.750"]
    assert table.loc["share on flag"].tolist()[1] == "cropped away"
    area = mask(*FLAG).mean()
    assert table.loc["share on flag"].tolist()[0] == f"100.0% ({1 / area:.1f})"
    assert table.loc["share on evidence"].tolist()[2].startswith("100.0% (")
    frame = square.to_frame().set_index(["model", "film", "category"])
    assert frame.loc[("A", CROPPED, "flag"), "area"] == 0
    assert frame.loc[("B", CROPPED, "evidence"), "area"] == pytest.approx(mask(*EVIDENCE)[20:88, 8:72].mean())
    assert np.isnan(frame.loc[("A", CROPPED, "frame"), "share"])  # the flag, and with it all of the map, is gone


def test_everything_wrong_is_told_at_once(films: Manifest, store: RunStore, runs: dict[str, Run]) -> None:
    cases = ["nobody@all", "c0@missing", "c0@evaluation", "gone@all", "c1@parts", "words", "c0@missing"]
    with pytest.raises(OptionError) as refused:
        read_case_studies(cases, films, square=["c0@all", "c1@all"], cells=runs, store=store)
    told = str(refused.value)
    assert told.startswith("7 errors: ")
    for reason in (
        "framed has no case 'nobody'",
        "no run is called 'missing'",
        "(evaluate, done) has no model; wanted a training run",
        "gone.png",
        "the model tells hand, wrist apart",
        "'words': wanted CASE_ID@RUN",
        "wanted one film with two runs",
    ):
        assert told.count(reason) == 1, reason
    assert "\n" not in told


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"cases": []}, "no case is given"),
        ({"cases": ["c0@all"], "method": "cma"}, "did you mean 'cam'"),
        ({"cases": [], "square": ["c0@all"]}, "1 given"),
        ({"cases": [], "square": ["c0@all", "c0@all"]}, "wanted one film with two runs"),
        ({"cases": [], "square": ["c2@all", "c2@finger"]}, "no frame is found"),
        ({"cases": [], "square": ["c0@all", "c0@finger"], "box": [0, 0, 90, 90]}, "inside 80 x 96 pixels"),
        ({"cases": [], "square": ["c0@all", "c0@finger"], "box": [0, 0, 9]}, "wanted left, top, right, bottom"),
        ({"cases": ["c0@all"], "box": [0, 0, 9, 9]}, "no square is given"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(
    films: Manifest, store: RunStore, runs: dict[str, Run], asked: dict, reason: str
) -> None:
    with pytest.raises(OptionError, match=reason) as refused:
        read_case_studies(asked.pop("cases"), films, **asked, cells=runs, store=store)
    assert "errors" not in str(refused.value)
