"""All readers' verdicts: shown, compared, handed out; hidden from a blind reader."""

import pytest

from workbench.dashboards.explorer.readers_panel import HIDDEN, ReadersPanel
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.session import CaseSession
from workbench.runs.reviews import Review, ReviewBook

EVIL = "<script>hacked()</script>"


@pytest.fixture
def state(flag_reader, confounded, tmp_path):
    book = ReviewBook(tmp_path / "reviews")
    for case, verdict in zip(list(confounded)[:4], ["unsure", "unsure", "right reason", "wrong reason"], strict=True):
        book.append(Review(case.case_id, verdict, "Ann", EVIL))
        book.append(Review(case.case_id, "unsure" if case.case_id != "c03" else verdict, "Bob"))
    session = CaseSession(flag_reader, confounded)
    yield ExplorerState(session, book)
    session.close()


@pytest.fixture
def panel(state):
    panel = ReadersPanel(state)
    panel.visible = True
    state.case_id = "c02"
    return panel


@pytest.fixture
def saved(panel, monkeypatch):
    found = []
    monkeypatch.setattr(panel.download, "send", lambda content, buffers: found.append((content["name"], buffers[0])))
    return found


def test_everybodys_verdict_on_the_case_is_shown_as_text(panel):
    assert "Ann" in panel.verdicts.value
    assert "right reason" in panel.verdicts.value
    assert "Bob" in panel.verdicts.value
    assert EVIL not in panel.verdicts.value
    assert "&lt;script&gt;" in panel.verdicts.value


def test_agreement_is_that_of_the_cases_both_saw(panel):
    assert "Ann and Bob" in panel.agreement.value
    assert "75 %" in panel.agreement.value
    assert "<td" in panel.agreement.value


def test_nothing_is_computed_while_nobody_looks(state, monkeypatch):
    panel = ReadersPanel(state)
    state.case_id = "c03"
    assert (panel.verdicts.value, panel.agreement.value) == ("", "")


def test_a_blind_reader_sees_and_takes_home_only_his_own(panel, state, saved):
    state.reviewer, state.blind = "Ann", True
    assert (panel.verdicts.value, panel.agreement.value) == (f"<p>{HIDDEN}</p>", "")
    panel.export.click()
    name, content = saved[0]
    assert name == "verdicts.csv"
    assert b"Ann" in content
    assert b"Bob" not in content


def test_the_csv_is_saved_and_lies_beside_the_reviews(panel, state, saved):
    panel.export.click()
    written = state.book.folder / "verdicts.csv"
    assert saved == [("verdicts.csv", written.read_bytes())]
    assert "verdicts.csv" in panel.exported.value


def test_what_others_said_meanwhile_is_read_again_and_bad_lines_are_named(panel, state):
    ReviewBook(state.book.folder).append(Review("c02", "unsure", "Cy"))
    with (state.book.folder / "Dee.jsonl").open("w") as file:
        file.write(f"{EVIL}\n" * 8)
    assert "Cy" not in panel.verdicts.value
    panel.refresh.click()
    assert "Cy" in panel.verdicts.value
    assert "Dee.jsonl:1" in panel.unread.value
    assert "and 3 more" in panel.unread.value
    assert "<script>" not in panel.unread.value


def test_without_a_run_there_is_nothing_to_take_home(flag_reader, confounded):
    panel = ReadersPanel(ExplorerState(CaseSession(flag_reader, confounded)))
    panel.visible = True
    assert panel.export.disabled
    panel.export_csv()
    assert panel.exported.value == ""
