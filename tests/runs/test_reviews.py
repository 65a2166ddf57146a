import json

import pytest

from workbench.core.errors import OptionError, ReaderError
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
