import pytest

from workbench.core.errors import WorkbenchError
from workbench.dashboards.session import CaseSession
from workbench.dashboards.state import SAID, ExplorerState
from workbench.dashboards.worklist import Filters
from workbench.runs.reviews import ReviewBook


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
