import csv
import io
import json
import subprocess
import sys

import pytest

from workbench.core.errors import OptionError, ReaderError, RunError
from workbench.runs.reviews import VERDICTS, Review, ReviewBook, read_reviews


@pytest.fixture
def book(tmp_path):
    return ReviewBook(tmp_path / "run" / "reviews")


def test_a_verdict_is_on_disk_as_soon_as_it_is_given(book):
    review = Review("c1", "wrong reason", "Ann", note="reads the L\nand \u2028 the frame", tags=("flag", "ü"))
    book.append(review)
    assert ReviewBook(book.folder).read() == ((review,), ())


def test_a_later_verdict_replaces_an_earlier_one_but_never_touches_it(book):
    first = Review("c1", "unsure", "Ann", at="2026-01-01T10:00:00+00:00")
    second = Review("c1", "right reason", "Ann", at="2026-01-01T10:00:01+00:00")
    other = Review("c1", "wrong reason", "Bob", at="2026-01-01T09:00:00Z")
    for review in (first, second, other):
        book.append(review)
    assert book.latest() == {("Ann", "c1"): second, ("Bob", "c1"): other}
    assert book.read()[0] == (other, first, second)
    frame = book.to_frame()
    assert sorted(frame["reviewer"]) == ["Ann", "Bob"]


def test_a_line_that_a_crash_cut_off_loses_nothing_else(book):
    book.append(Review("c1", "unsure", "Ann"))
    path = book.folder / "Ann.jsonl"
    with path.open("a") as file:
        file.write('{"case_id": "c2", "verd')
    book.append(Review("c3", "unsure", "Ann"))
    reviews, skipped = book.read()
    assert [review.case_id for review in reviews] == ["c1", "c3"]
    assert [each.what for each in skipped] == [f"{path}:2"]


@pytest.mark.parametrize("name", ["", "../Ann", "a/b", ".hidden", " Ann", "Ann.", "x" * 65, "a\nb"])
def test_a_reader_whose_name_cannot_name_a_file_is_refused(name):
    with pytest.raises(OptionError, match="reviewer"):
        Review("c", "unsure", name)


@pytest.mark.parametrize("change", [{"verdict": "fine"}, {"case_id": ""}, {"note": "x" * 10_001}, {"at": "yesterday"}])
def test_what_is_no_verdict_is_refused(change):
    with pytest.raises(OptionError):
        Review(**{"case_id": "c", "verdict": "unsure", "reviewer": "Ann"} | change)


def test_merging_twice_adds_nothing_and_strangers_are_named(book, tmp_path):
    book.append(Review("c1", "unsure", "Ann", at="2026-01-01T10:00:00Z"))
    lines = [
        {"case_id": "c1", "verdict": "unsure", "reviewer": "Ann", "at": "2026-01-01T10:00:00Z"},
        {"case_id": "c2", "verdict": VERDICTS[1], "reviewer": "Cy", "at": "2026-01-02T10:00:00Z", "tags": ["flag"]},
        {"case_id": "elsewhere", "verdict": VERDICTS[0], "reviewer": "Cy", "at": "2026-01-02T10:00:00Z"},
        {"case_id": "c2", "verdict": "hm", "reviewer": "Cy"},
        ["no", "object"],
        {"case_id": 3, "verdict": "unsure", "reviewer": "Cy"},
        {"case_id": "c1", "verdict": "unsure", "reviewer": "Cy", "shell": "rm"},
    ]
    file = tmp_path / "verdicts.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    new, skipped = book.merge(file, case_ids=["c1", "c2"])
    assert new == 1
    assert len(skipped) == 6
    again, _ = book.merge(file, case_ids=["c1", "c2"])
    assert again == 0
    assert set(book.latest()) == {("Ann", "c1"), ("Cy", "c2")}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"[" * 100_000])
def test_a_file_from_elsewhere_is_refused_in_words(book, tmp_path, content):
    file = tmp_path / "verdicts.jsonl"
    file.write_bytes(content)
    with pytest.raises(ReaderError, match=r"verdicts\.jsonl"):
        book.merge(file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ReaderError, match="no such file"):
        read_reviews(tmp_path / "x.jsonl")


def test_verdicts_are_in_the_order_of_time_wherever_they_were_given(book):
    later, earlier = "2026-01-01T09:30:00+00:00", "2026-01-01T10:00:00+02:00"
    for at in (earlier, later, "2026-01-01T09:00:00", "2026-01-01T09:15:00Z"):
        book.append(Review("c1", "unsure", "Ann", at=at))
    assert [review.at for review in book.read()[0]][::3] == [earlier, later]


def test_a_file_that_is_no_text_costs_only_itself(book):
    book.append(Review("c1", "unsure", "Ann"))
    (book.folder / "Bob.jsonl").write_bytes(b"\xff\xfe")
    reviews, (skipped,) = book.read()
    assert len(reviews) == 1
    assert skipped.what == "Bob.jsonl"


def test_half_a_character_is_refused_before_it_reaches_the_disk(book, tmp_path):
    with pytest.raises(OptionError, match="half a character"):
        Review("c1", "unsure", "Ann", note="\ud800")
    path = tmp_path / "from-a-browser.jsonl"
    path.write_text(r'{"case_id": "c1", "verdict": "unsure", "reviewer": "Ann", "note": "\ud800"}')
    assert "half a character" in read_reviews(path)[1][0].reason


def test_a_disk_that_refuses_is_an_error_of_ours(tmp_path):
    (tmp_path / "reviews").write_text("a file where the folder should be")
    with pytest.raises(RunError, match="c1 could not be written"):
        ReviewBook(tmp_path / "reviews").append(Review("c1", "unsure", "Ann"))
    with pytest.raises(RunError, match=r"verdicts\.csv"):
        ReviewBook(tmp_path / "reviews").write_csv()


def test_verdicts_on_another_model_are_skipped(book, tmp_path):
    path = tmp_path / "downloaded.jsonl"
    lines = [
        {"case_id": f"c{index}", "verdict": "unsure", "reviewer": "Ann", "weights_sha256": weights}
        for index, weights in enumerate(("aa", "bb", ""))
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    new, (skipped,) = book.merge(path, weights_sha256="aa")
    assert new == 2
    assert "another model, weights bb" in skipped.reason


def test_the_csv_holds_every_readers_last_verdict_whatever_is_in_the_note(book):
    book.append(Review("c1", "unsure", "Ann", at="2026-01-01T10:00:00Z"))
    note = 'a "quote", a\nbreak; ü'
    book.append(Review("c1", "right reason", "Ann", note, ("flag", "L"), at="2026-01-01T11:00:00Z"))
    book.append(Review("c1", "wrong reason", "Bob"))
    path = book.write_csv()
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    assert [(row["reviewer"], row["verdict"]) for row in rows] == [("Ann", "right reason"), ("Bob", "wrong reason")]
    assert (rows[0]["note"], rows[0]["tags"]) == (note, "flag;L")
    assert "Bob" not in book.csv(reviewer="Ann")


GIVE_AND_DIE = """
import os, sys
from workbench.runs.reviews import Review, ReviewBook
ReviewBook(sys.argv[1]).append(Review("c1", "wrong reason", "Ann", note="the last word"))
os.kill(os.getpid(), 9)
"""


def test_a_verdict_outlives_the_process_that_wrote_it(book):
    done = subprocess.run([sys.executable, "-c", GIVE_AND_DIE, str(book.folder)], check=False)
    assert done.returncode == -9
    (review,), skipped = book.read()
    assert (review.note, skipped) == ("the last word", ())


GIVE_MANY = """
import sys
from workbench.runs.reviews import Review, ReviewBook
for index in range(150):
    ReviewBook(sys.argv[1]).append(Review(f"{sys.argv[2]}{index}", "unsure", "Ann", note="x" * 3000))
"""


def test_reading_while_two_processes_write_to_one_file_loses_nothing(book):
    writers = [subprocess.Popen([sys.executable, "-c", GIVE_MANY, str(book.folder), name]) for name in "ab"]
    seen = [0]
    while any(writer.poll() is None for writer in writers):
        seen.append(len(book.read()[0]))
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen == sorted(seen)
    reviews, skipped = book.read()
    assert {review.case_id for review in reviews} == {f"{name}{index}" for name in "ab" for index in range(150)}
    assert (len(reviews), skipped) == (300, ())
