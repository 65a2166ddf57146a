"""The published tables: printed numbers agree with each other where nobody says that they do not."""

import numpy as np
import pandas as pd
import pytest

from workbench.core.errors import UnknownNameError
from workbench.data.importers.mura_published import PUBLISHED_STUDIES
from workbench.evaluation.metrics import METRICS
from workbench.evaluation.published import (
    PAPERS,
    beside_published,
    placed_by_kappa,
    published_table,
    published_tables,
)

MURAD = published_table("murad", "3")
ABNORMAL, NORMAL = 538, 661


@pytest.mark.parametrize("paper", PAPERS)
def test_every_table_is_whole_and_its_notes_point_at_something(paper: str) -> None:
    for table in published_tables(paper):
        frame = table.to_frame()
        assert frame.columns[0] == table.columns[0]
        assert table.unit in ("image", "study")
        names = {str(value) for row in table.rows for value in row}
        for note in table.notes:
            assert note.row in ("", *names)
            assert note.column in ("", *table.columns)
        assert not frame.select_dtypes("number").lt(0).any().any()


def test_murads_study_counts_are_those_of_the_data_set() -> None:
    counts = published_table("murad", "2").to_frame().set_index("body-part")
    assert {part: tuple(row[:4]) for part, row in counts.drop(index="all").T.items()} == dict(PUBLISHED_STUDIES)
    assert (counts.drop(index="all").sum() == counts.loc["all"]).all()
    assert counts.loc["all", ["valid normal", "valid abnormal"]].tolist() == [NORMAL, ABNORMAL]


def test_f1_follows_from_precision_and_recall_but_for_the_misprint() -> None:
    frame = MURAD.to_frame().set_index("architecture")
    f1 = 2 * frame["precision"] * frame["recall"] / (frame["precision"] + frame["recall"])
    wrong = (f1 - frame["f1"]).abs() > 0.0015
    assert list(frame.index[wrong]) == ["densenet161"]
    assert [note.row for note in MURAD.notes if note.column == "precision"] == ["densenet161"]


def test_the_inferred_counts_give_every_printed_number() -> None:
    rows = MURAD.to_frame().set_index("architecture")
    counts = published_table("murad", "3-counts").to_frame()
    assert len(counts) == 14
    for name, found, abnormal, false, normal in counts.itertuples(index=False):
        truth = np.repeat([1, 0], [abnormal, normal])
        calls = np.repeat([1.0, 0.0, 1.0, 0.0], [found, abnormal - found, false, normal - false])
        for metric in ("accuracy", "precision", "recall", "f1", "cohen-kappa"):
            assert METRICS.get(metric)(truth, calls) == pytest.approx(rows.loc[name, metric], abs=0.00051)


def test_the_impossible_f1_of_asu_are_marked() -> None:
    for number in "23456":
        table = published_table("asu", number)
        frame = table.to_frame().set_index("body-part")
        impossible = frame.index[frame["f1"] > (frame["precision"] + frame["recall"]) / 2 + 0.0101]
        assert set(impossible) == {note.row for note in table.notes if note.column == "f1"}


def test_measured_numbers_stand_beside_the_printed_ones() -> None:
    measured = pd.DataFrame(
        {"model": ["mine", "new"], "architecture": ["densenet169", "compact-densenet"], "cohen-kappa": [0.5, 0.4]}
    )
    frame = beside_published(measured, MURAD, on="architecture")
    assert len(frame) == 19
    row = frame.set_index("architecture").loc["densenet169"]
    assert (row["cohen-kappa"], row["cohen-kappa (published)"]) == (0.5, 0.678)
    assert list(frame["architecture"])[:2] == ["densenet121", "densenet161"]
    assert frame["architecture"].iloc[-1] == "compact-densenet"
    assert np.isnan(frame["cohen-kappa (published)"].iloc[-1])
    assert "accuracy (published)" not in frame.columns
    with pytest.raises(UnknownNameError, match="no column of murad, Table 3 is called 'part'"):
        beside_published(measured, MURAD, on="part")


@pytest.mark.parametrize(("kappa", "below", "above"), [(0.9, None, 0.843), (0.683, 0.683, 0.68), (0.1, 0.518, None)])
def test_a_row_is_placed_by_its_kappa(kappa: float, below: float | None, above: float | None) -> None:
    frame = placed_by_kappa(published_table("densenet-interpretation", "3"), "ours", kappa)
    assert len(frame) == 86
    place = frame.index[frame["model"] == "ours"][0]
    assert (frame["cohen-kappa"].iloc[place - 1] if place else None) == below
    assert (frame["cohen-kappa"].iloc[place + 1] if place < 85 else None) == above
    assert frame["cohen-kappa"].is_monotonic_decreasing


def test_a_missing_table_is_named() -> None:
    with pytest.raises(UnknownNameError, match="no table of murad is called '7'"):
        published_table("murad", "7")
    with pytest.raises(UnknownNameError, match="no paper is called 'murat'; did you mean 'murad'"):
        published_tables("murat")
