"""The bar under the film: verdict, note and name go into the state, what was said comes out of it."""

import pytest

from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.explorer.verdict_panel import ASK_NAME, NO_PLACE, VERDICT_KEYS, VerdictPanel
from workbench.dashboards.explorer.worklist import Filters
from workbench.dashboards.session import CaseSession
from workbench.runs.reviews import Review, ReviewBook


@pytest.fixture
def state(flag_reader, confounded, tmp_path):
    session = CaseSession(flag_reader, confounded)
    yield ExplorerState(session, ReviewBook(tmp_path / "reviews"))
    session.close()


@pytest.fixture
def panel(state):
    return VerdictPanel(state)


def test_it_asks_who_reads_before_it_takes_a_verdict_and_keeps_the_note(panel, state):
    panel.note.value = "the L"
    panel.press("x")
    assert ASK_NAME in panel.before.value
    assert state.verdicts == {}
    panel.reviewer.value = " Ann "
    assert (state.reviewer, panel.note.value) == ("Ann", "the L")
    case_id = state.case_id
    panel.press("x")
    review = state.verdicts["Ann", case_id]
    assert (review.verdict, review.note) == ("wrong reason", "the L")


@pytest.mark.parametrize(("key", "verdict"), VERDICT_KEYS.items())
def test_a_key_keeps_a_verdict_and_goes_on(panel, state, key, verdict):
    panel.reviewer.value = "Ann"
    first, second = state.case_ids[:2]
    panel.tags.value = " flag ,, L, flag"
    panel.press(key)
    (review,) = state.book.read()[0]
    assert (review.case_id, review.verdict, review.tags) == (first, verdict, ("flag", "L"))
    assert (state.case_id, panel.note.value, panel.tags.value) == (second, "", "")
    assert f"1 of {len(state.case_ids)} listed cases" in panel.progress.value


def test_without_advance_the_bar_shows_what_was_said(panel, state):
    panel.reviewer.value, panel.advance.value = "Ann", False
    panel.note.value = "<b>the L</b>"
    case_id = state.case_id
    panel.buttons["unsure"].click()
    assert state.case_id == case_id
    assert "unsure" in panel.before.value
    assert [verdict for verdict, button in panel.buttons.items() if button.icon] == ["unsure"]
    state.step(1)
    assert panel.before.value == ""
    state.step(-1)
    assert panel.note.value == "<b>the L</b>"


def test_a_note_that_is_not_given_yet_survives_a_look_elsewhere(panel, state):
    panel.reviewer.value = "Ann"
    panel.note.value = "half a thou"
    state.step(1)
    assert panel.note.value == ""
    state.step(-1)
    assert panel.note.value == "half a thou"


def test_enter_in_the_note_gives_the_keys_back_to_the_film(panel):
    back = []
    panel.on_written(lambda: back.append(True))
    for content in ({"event": "submit"}, {"event": "other"}, "submit"):
        panel.note._handle_custom_msg(content, [])  # as the browser sends it
    assert back == [True]


def test_going_on_passes_over_what_is_done_and_ends_where_all_is(panel, state):
    panel.reviewer.value = "Ann"
    ids = state.case_ids
    for case_id in ids[1:3]:
        state.case_id = case_id
        state.give("unsure")
    state.case_id = ids[0]
    panel.press("r")
    assert state.case_id == ids[3]
    for _ in ids[3:]:
        panel.press("r")
    assert "24 of 24" in panel.progress.value
    last = state.case_id
    panel.press("j")
    assert state.case_id == last


def test_a_case_that_leaves_the_list_by_its_verdict_skips_none(panel, state):
    state.reviewer = "Ann"
    for _ in state.case_ids:
        panel.press("u")
    state.filters = Filters(verdict=("unsure",))
    panel.advance.value = False
    first, second = state.case_ids[:2]
    state.case_id = first
    panel.press("r")
    assert first not in state.case_ids
    assert state.case_id == second


def test_blind_never_shows_the_case_before_its_verdict(panel, state):
    shown = []
    panel.reviewer.value, panel.blind.value = "Ann", True
    state.observe(lambda _change: shown.append((state.case_id, state.revealed)), ["case_id", "revision"])
    first = state.case_id
    panel.press("r")
    assert state.blind
    assert state.verdicts["Ann", first].blind
    assert not any(revealed for _, revealed in shown)


def test_what_cannot_be_kept_is_said_and_nothing_is_lost(panel, state):
    panel.reviewer.value = "../Ann"
    panel.note.value = "the L"
    case_id = state.case_id
    panel.press("r")
    assert "../Ann" in panel.before.value
    assert (state.case_id, panel.note.value) == (case_id, "the L")
    state.book.folder.write_text("in the way")
    panel.reviewer.value = "Ann"
    panel.press("r")
    assert "not kept" in panel.before.value
    assert (state.case_id, state.verdicts) == (case_id, {})


def test_without_a_run_it_says_so(flag_reader, confounded):
    panel = VerdictPanel(ExplorerState(CaseSession(flag_reader, confounded)))
    assert NO_PLACE.split(":")[0] in panel.progress.value
    assert all(button.disabled for button in panel.buttons.values())
    panel.press("r")
    assert "no run" in panel.before.value


def test_a_verdict_given_elsewhere_is_shown(panel, state):
    state.reviewer = "Ann"
    assert panel.reviewer.value == "Ann"
    ReviewBook(state.book.folder).append(Review(state.case_id, "wrong reason", "Ann", "from a report"))
    state.read_verdicts()
    assert panel.note.value == "from a report"
    assert panel.buttons["wrong reason"].icon == "check"
