import pytest

from workbench.core.errors import WorkbenchError
from workbench.dashboards.explorer.state import SAID, ExplorerState
from workbench.dashboards.explorer.worklist import Filters
from workbench.dashboards.session import CaseSession
from workbench.runs.reviews import Review, ReviewBook


@pytest.fixture
def state(flag_reader, confounded, tmp_path):
    session = CaseSession(flag_reader, confounded)
    session.predict([case.case_id for case in confounded])
    yield ExplorerState(session, ReviewBook(tmp_path / "reviews"))
    session.close()


def test_it_opens_at_the_most_abnormal_case(state):
    assert state.case_id == state.frame.sort_values("probability", kind="stable")["case_id"].iloc[-1] or (
        state.frame.set_index("case_id")["probability"][state.case_id] == state.frame["probability"].max()
    )
    assert state.case.case_id == state.case_id


def test_steps_stay_within_the_list(state):
    first = state.case_id
    state.step(-1)
    assert state.case_id == first
    state.step(1)
    assert state.case_id == state.case_ids[1]
    for _ in range(50):
        state.step(1)
    assert state.case_id == state.case_ids[-1]


def test_filters_move_to_a_case_that_passes_and_an_empty_list_is_no_error(state):
    state.filters = Filters(label=("normal",), body_part=("hand",))
    assert state.case.label == "normal"
    state.filters = Filters(probability=(0.0, 1e-9))
    assert state.case_id == ""
    assert state.case is None
    state.step(1)
    state.prefetch()
    state.filters = Filters()
    assert state.case is not None


def test_a_verdict_is_kept_with_the_run_and_shown_in_the_list(state):
    state.reviewer = "Ann"
    case_id = state.case_id
    state.give("wrong reason", note="the flag", tags=("flag",))
    assert state.frame.set_index("case_id")["verdict"][case_id] == "wrong reason"
    again = ExplorerState(state.session, ReviewBook(state.book.folder))
    assert again.verdicts["Ann", case_id].note == "the flag"
    state.reviewer = "Bob"
    assert state.frame.set_index("case_id")["verdict"][case_id] == ""


def test_blind_hides_what_the_model_says_until_the_verdict_is_given(state):
    state.reviewer, state.blind = "Ann", True
    assert not set(SAID) & set(state.rows.columns)
    assert list(state.case_ids) == [case.case_id for case in state.session.manifest]
    assert not state.revealed
    state.give("unsure")
    assert state.revealed
    assert state.verdicts["Ann", state.case_id].blind
    state.step(1)
    assert not state.revealed


def test_without_a_reader_or_a_run_no_verdict_is_kept(state):
    with state.saying():
        state.give("unsure")
    assert "reviewer" in state.message
    homeless = ExplorerState(state.session, None)
    with pytest.raises(WorkbenchError, match="no run"):
        homeless.give("unsure")
    with state.saying():
        pass
    assert state.message == ""


def test_suspicion_orders_the_list(state):
    state.know({"c07": 0.9, "c03": 0.2})
    state.order = "suspicion"
    assert state.case_ids[:2] == ("c07", "c03")


def test_neighbours_are_made_in_the_background(state):
    state.prefetch()
    for waiting in state.session._waiting:
        waiting.result()
    made = {key[0] for key in state.session._maps._values}
    assert made == set(state.case_ids[1:3])


def test_blind_neither_lists_nor_filters_by_what_the_model_says(state):
    state.reviewer, state.blind = "Ann", True
    state.filters = Filters(prediction=("abnormal",), outcome=("TP",), probability=(0.5, 1.0), label=("normal",))
    assert len(state.case_ids) == 12
    state.blind = False
    assert state.case_ids == ()


def test_a_blind_reader_without_a_name_sees_nobodys_verdict(state):
    state.reviewer = "Ann"
    state.give("unsure")
    state.reviewer = ""
    assert "unsure" in set(state.frame["verdict"])
    state.blind = True
    assert set(state.frame["verdict"]) == {""}


def test_one_verdict_reveals_one_film_and_a_second_one_is_not_blind(state):
    state.reviewer, state.blind = "Ann", True
    case_id, other = state.case_id, next(each for each in state.case_ids if each != state.case_id)
    state.give("unsure")
    assert state.is_revealed(case_id)
    assert not state.is_revealed(other)
    state.give("right reason")
    assert [review.blind for review in state.book.read()[0]] == [True, False]


def test_the_next_unreviewed_case_goes_round_the_list(state):
    state.reviewer = "Ann"
    ids = state.case_ids
    state.case_id = ids[-2]
    state.give("unsure")
    assert state.next_unreviewed == ids[-1]
    state.case_id = ids[-1]
    assert state.next_unreviewed == ids[0]
    assert state.unreviewed == (*ids[:-2], ids[-1])
    for case_id in ids:
        state.case_id = case_id
        state.give("unsure")
    assert (state.next_unreviewed, state.unreviewed) == ("", ())


def test_what_others_write_meanwhile_is_read_and_files_from_elsewhere_are_named(state):
    ReviewBook(state.book.folder).append(Review(state.case_id, "unsure", "Bob"))
    (state.book.folder / "Cy.jsonl").write_bytes(b"\xff\xfe\x00")
    state.read_verdicts()
    assert state.verdicts["Bob", state.case_id].verdict == "unsure"
    (skipped,) = state.unread
    assert skipped.what == "Cy.jsonl"
