from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.dashboards.explorer.worklist import COLUMNS, Filters, choices, confusion_counts, ordered, worklist
from workbench.runs.reviews import Review


@pytest.fixture
def predictions(balanced):
    """Three of four films called right, by position."""
    abnormal = np.linspace(0.02, 0.98, len(balanced))
    return Predictions(
        tuple(case.case_id for case in balanced),
        np.array([balanced.class_index(case) for case in balanced]),
        np.zeros((len(balanced), 1), dtype=np.float32),
        np.stack([1 - abnormal, abnormal], axis=1),
        balanced.class_names,
        balanced.positive,
        "sigmoid",
    )


def test_a_row_a_case_without_reading_a_film(balanced, predictions, tmp_path):
    elsewhere = replace(balanced, root=tmp_path / "nothing here")
    frame = worklist(elsewhere, predictions)
    assert tuple(frame.columns) == COLUMNS
    assert list(frame["case_id"]) == [case.case_id for case in balanced]
    assert list(frame["prediction"]) == ["abnormal" if p > 0.5 else "normal" for p in predictions.abnormal]
    assert sum(confusion_counts(frame).values()) == 24
    truth = predictions.truth
    assert confusion_counts(frame)["FP"] == int(((truth == 0) & (predictions.abnormal > 0.5)).sum())


def test_what_is_not_known_is_left_open(balanced, predictions):
    some = predictions.select(predictions.case_ids[:3])
    frame = worklist(balanced, some)
    assert frame["probability"].notna().sum() == 3
    assert set(frame["outcome"][3:]) == {""}
    bare = worklist(balanced.where(replace(case, label=None, annotations=()) for case in balanced), None)
    assert set(bare["flag"]) == set(bare["label"]) == set(bare["outcome"]) == set(bare["prediction"]) == {""}


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(), lambda row: True),
        (Filters(body_part=("hand",)), lambda row: row.body_part == "hand"),
        (Filters(outcome=("FP", "FN")), lambda row: row.outcome in ("FP", "FN")),
        (Filters(flag=("yes",), label=("normal",)), lambda row: row.flag == "yes" and row.label == "normal"),
        (Filters(probability=(0.25, 0.5)), lambda row: 0.25 <= row.probability <= 0.5),
        (Filters(case_ids=("c03", "c07")), lambda row: row.case_id in ("c03", "c07")),
    ],
)
def test_filters_let_through_what_they_say(balanced, predictions, filters, passes):
    frame = worklist(balanced, predictions)
    kept = filters.apply(frame)
    assert list(kept["case_id"]) == [row.case_id for row in frame.itertuples() if passes(row)]
    assert 0 < len(kept) <= 24


def test_orders(balanced, predictions):
    frame = worklist(balanced, predictions.select(predictions.case_ids[:5]), suspicion={"c09": 0.4, "c02": 0.1})
    assert list(ordered(frame, "probability")["case_id"][:5]) == ["c04", "c03", "c02", "c01", "c00"]
    assert list(ordered(frame, "suspicion")["case_id"][:2]) == ["c09", "c02"]
    assert list(ordered(frame, "manifest")["case_id"]) == list(frame["case_id"])
    with pytest.raises(OptionError, match="order"):
        ordered(frame, "beauty")


def test_verdicts_of_one_reader_or_all(balanced):
    reviews = {
        ("Ann", "c00"): Review("c00", "wrong reason", "Ann"),
        ("Bob", "c00"): Review("c00", "unsure", "Bob"),
        ("Bob", "c01"): Review("c01", "unsure", "Bob"),
    }
    every = worklist(balanced, None, reviews=reviews)
    assert list(every["verdict"][:3]) == ["wrong reason / unsure", "unsure", ""]
    ann = worklist(balanced, None, reviews=reviews, reviewer="Ann")
    assert list(ann["verdict"][:2]) == ["wrong reason", ""]
    assert choices(ann, "verdict") == ("wrong reason",)


def test_ten_thousand_cases_read_nothing():
    cases = tuple(Case(f"c{i}", f"p{i}", f"s{i}", f"{i}.png", label="abnormal") for i in range(10_000))
    manifest = Manifest("m", ("normal", "abnormal"), ("abnormal",), root=Path("/nowhere"), cases=cases)
    assert len(worklist(manifest)) == 10_000
