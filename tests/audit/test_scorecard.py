import json
from dataclasses import replace

import pytest

from workbench.audit.cover import cover_regions
from workbench.audit.scorecard import (
    FILE_NAME,
    Scorecard,
    comparison_rows,
    learned_models,
    load_scorecard,
    percent,
    score_films,
    signed,
)
from workbench.core.errors import ManifestError, ReaderError
from workbench.core.predictions import load_predictions
from workbench.evaluation.intervals import Interval


@pytest.fixture(scope="module")
def scored(flag_reader, balanced):
    own, other = (score_films(flag_reader, balanced, split) for split in ("confounded", "other"))
    return own, other


@pytest.fixture(scope="module")
def card(flag_reader, balanced, scored):
    own, other = scored
    cover = cover_regions(flag_reader, balanced, resamples=50).effect
    evaluations = {each.name: each.evaluation for each in scored}
    return Scorecard("A", "run-1", evaluations, own.fall_to(other), cover, 4, 1.5, {"note": "x"})


def test_a_reader_of_the_flag_shines_on_its_own_kind_and_falls_on_the_other(scored, card):
    own, other = scored
    assert own.evaluation.interval("auroc").estimate == 1
    assert other.evaluation.interval("auroc").estimate == 0
    assert card.fall.estimate == 1
    assert card.learned


def test_a_reader_of_the_lesion_does_not_fall(lesion_reader, balanced):
    own, other = (score_films(lesion_reader, balanced, split) for split in ("confounded", "other"))
    assert own.fall_to(other).estimate == 0


def test_one_that_learned_nothing_is_marked_wherever_it_is_shown(card, scored):
    swapped = replace(card, evaluations={"other": scored[1].evaluation, "confounded": scored[0].evaluation})
    assert not swapped.learned
    swapped = replace(swapped, model="B")
    assert learned_models([card, swapped]) == {"A": True, "B": False}
    rows = dict(comparison_rows([card, swapped]))
    assert rows["learned on its own kind of films"] == ["yes", "did not learn"]
    own, other = (each.name for each in scored)
    said = [text.endswith("did not learn") for text in (*rows[f"AUROC on {own}"], *rows[f"AUROC on {other}"])]
    assert said == [False, False, True, False]  # once for each model: the first row says it of one that never learned


def test_several_splits_can_be_joined(flag_reader, balanced):
    joined = score_films(flag_reader, balanced, "confounded, other")
    assert joined.name == "confounded+other"
    assert len(joined.predictions) == 24
    with pytest.raises(ManifestError, match="has no split 'valid'"):
        score_films(flag_reader, balanced, "confounded,valid")


def test_scored_films_are_written_by_split(scored, tmp_path):
    scored[0].save(tmp_path)
    assert load_predictions(tmp_path / "predictions-confounded.csv").case_ids == scored[0].predictions.case_ids
    assert (
        type(scored[0].evaluation).from_json(json.loads((tmp_path / "evaluation-confounded.json").read_text()))
        == scored[0].evaluation
    )


def test_scorecards_come_back_equal(card, tmp_path):
    for each in (card, replace(card, fall=None, cover=None, training_s=None, about={})):
        each.save(tmp_path)
        assert load_scorecard(tmp_path) == each


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"evaluations": {}, "fall": 3, "cover": null}'])
def test_what_is_no_scorecard_is_refused_in_one_line(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ReaderError) as caught:
        load_scorecard(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / FILE_NAME))
    assert "\n" not in str(caught.value)
    with pytest.raises(ReaderError, match="no such file"):
        load_scorecard(tmp_path / "absent")


def test_an_unknown_field_is_refused(card, tmp_path):
    card.save(tmp_path)
    content = json.loads((tmp_path / FILE_NAME).read_text())
    (tmp_path / FILE_NAME).write_text(json.dumps(content | {"colour": "blue"}))
    with pytest.raises(ReaderError, match="not a scorecard"):
        load_scorecard(tmp_path)


def test_rows_have_a_text_for_each_model(card):
    other = replace(card, model="B", cover=None, fall=None, evaluations={"confounded": card.evaluations["confounded"]})
    rows = comparison_rows([card, other])
    titles = [title for title, _ in rows]
    assert titles[0] == "learned on its own kind of films"
    assert "AUROC on confounded" in titles
    assert "Cohen's kappa on other" in titles
    assert "fall in AUROC from confounded to other" in titles
    assert "change of probability, flag covered" in titles
    assert len(set(titles)) == len(titles)
    assert all(len(texts) == 2 and all(texts) for _, texts in rows)
    assert dict(rows)["AUROC on other"][1] == "-"
    assert dict(rows)["change of AUROC, flag covered"][1] == "-"


def test_a_single_split_without_cover_is_a_short_table(card):
    alone = replace(card, cover=None, fall=None, evaluations={"confounded": card.evaluations["confounded"]})
    assert len(comparison_rows([alone])) == 4


def test_intervals_are_written_for_readers():
    def interval(*values):
        return Interval(*values, 0.95, 100, 10)

    assert percent(interval(0.0723, 0.061, 0.0842)) == "7.2 % [6.1, 8.4]"
    assert signed(interval(-0.312, -0.35, 0.27)) == "-0.31 [-0.35, +0.27]"
    assert signed(interval(-0.001, -0.004, 0.004)) == "0.00 [0.00, 0.00]"
    missing = Interval(None, None, None, 0.95, 100, 0, reason="no map")
    assert percent(missing) == signed(missing) == "undefined: no map"
    single = Interval(0.5, None, None, 0.95, 100, 1, reason="one patient")
    assert percent(single) == signed(single) == "0.50 (no interval: one patient)"
