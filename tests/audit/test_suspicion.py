"""Suspicion: high where the flag is read, none where it is not; and the table that an evaluation leaves."""

import numpy as np
import pytest

from workbench.audit.cover import cover_regions
from workbench.audit.suspicion import COVER_FILE, read_suspicions, suspicion, suspicions, write_cover_table
from workbench.core.errors import ModelError, ReaderError


def test_a_share_that_changes_nothing_is_not_suspicious_nor_a_change_that_the_map_does_not_explain():
    assert suspicion(0.5, -0.8) == suspicion(0.5, 0.8) == pytest.approx(0.4)
    assert suspicion(0.9, 0.0) == suspicion(0.0, -0.9) == 0
    assert np.isnan(suspicion(float("nan"), -0.9))


def test_the_reader_of_the_flag_is_suspected_on_every_film_with_one(flag_reader, confounded):
    found = suspicions(flag_reader, confounded)
    assert set(found) == {case.case_id for case in confounded if case.has("flag")}
    assert min(found.values()) > 0.2
    assert max(found.values()) <= 1


def test_the_reader_of_the_lesion_is_not(lesion_reader, confounded):
    assert max(suspicions(lesion_reader, confounded).values()) < 0.01


def test_films_without_a_flag_are_left_out_and_need_no_pass(flag_reader, confounded):
    assert suspicions(flag_reader, confounded.where(case for case in confounded if not case.has("flag"))) == {}


def test_films_that_cannot_be_read_are_left_out_unless_none_can(flag_reader, confounded, tmp_path):
    carrying = confounded.where(case for case in confounded if case.has("flag"))
    for case in carrying.cases[1:]:
        (tmp_path / case.image).write_bytes(carrying.path(case).read_bytes())
    elsewhere = type(carrying)(carrying.name, carrying.class_names, carrying.positive, tmp_path, carrying.cases)
    assert set(suspicions(flag_reader, elsewhere)) == {case.case_id for case in carrying.cases[1:]}
    with pytest.raises(ModelError, match="could be read"):
        suspicions(flag_reader, elsewhere.select([carrying.cases[0].case_id]))


@pytest.fixture(scope="module")
def study(flag_reader, confounded):
    return cover_regions(flag_reader, confounded, resamples=20)


def test_the_table_of_a_run_gives_the_same_numbers(flag_reader, confounded, study, tmp_path):
    write_cover_table(tmp_path, study)
    assert read_suspicions(tmp_path) == pytest.approx(suspicions(flag_reader, confounded))
    assert "p0" not in (tmp_path / COVER_FILE).read_text()  # no patient
    assert (tmp_path / COVER_FILE).read_text().startswith("case_id,category,area,share")


def test_without_a_table_nothing_is_known(tmp_path):
    assert read_suspicions(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: the columns"),
        ("case_id,share\nc1,0.1\n", ":1: the columns"),
        ("{head}\nc1,flag,0.1\n", ":2: 8 values"),
        ("{head}\nc1,flag,0.1,much,1,1,1,1\n", ":2: could not convert"),
        ('{head}\n"c1,flag', ":2: 8 values"),
    ],
)
def test_a_damaged_table_is_named_with_its_line(text, words, study, tmp_path):
    write_cover_table(tmp_path, study)
    head = (tmp_path / COVER_FILE).read_text().splitlines()[0]
    (tmp_path / COVER_FILE).write_text(text.replace("{head}", head))
    with pytest.raises(ReaderError, match=words):
        read_suspicions(tmp_path)


def test_a_map_without_positive_values_has_no_suspicion(study, tmp_path):
    write_cover_table(tmp_path, study)
    head, first, *rest = (tmp_path / COVER_FILE).read_text().splitlines()
    case_id, category, area, _, _, *numbers = first.split(",")
    without = ",".join([case_id, category, area, "", "", *numbers])
    (tmp_path / COVER_FILE).write_text("\n".join([head, without, *rest]))
    assert case_id not in read_suspicions(tmp_path)
    assert len(read_suspicions(tmp_path)) == len(rest)
