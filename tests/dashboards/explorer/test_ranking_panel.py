"""Long work on the listed films: what is asked, what is known afterwards, and what is said."""

from dataclasses import replace

import numpy as np
import pytest

from workbench.dashboards.background import STOPPED
from workbench.dashboards.explorer.ranking_panel import RankingPanel
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.explorer.worklist import Filters
from workbench.dashboards.session import CaseSession


@pytest.fixture
def state(flag_reader, confounded):
    session = CaseSession(flag_reader, confounded)
    yield ExplorerState(session)
    session.close()


@pytest.fixture
def panel(state):
    return RankingPanel(state)


def pressed(button, panel):
    button.click()
    panel.background.wait()


def there(button):
    return button.layout.display != "none"


def test_only_the_listed_films_are_classified_and_the_button_goes_when_nothing_is_left(panel, state):
    state.filters = Filters(body_part=("hand",))
    listed = set(state.case_ids)
    assert panel.classify.description == f"Classify {len(listed)} listed films"
    pressed(panel.classify, panel)
    assert set(state.session.predictions.case_ids) == listed
    assert not there(panel.classify)
    state.filters = Filters()
    assert there(panel.classify)
    pressed(panel.classify, panel)
    assert state.frame["probability"].notna().all()
    assert not there(panel.classify)


def test_ranking_knows_the_flagged_films_and_puts_them_first(panel, state):
    flagged = {case.case_id for case in state.session.manifest if case.has("flag")}
    pressed(panel.rank, panel)
    assert set(state.suspicion) == flagged
    assert state.order == "suspicion"
    assert set(state.case_ids[: len(flagged)]) == flagged
    ranked = state.rows["suspicion"].dropna()
    assert ranked.is_monotonic_decreasing


def test_stopped_it_keeps_what_it_has(panel, state, monkeypatch):
    monkeypatch.setattr("workbench.dashboards.explorer.ranking_panel.BATCH", 4)
    measured, calls = state.session.suspicions, []

    def measure(case_ids, **options):
        calls.append(case_ids)
        if len(calls) == 2:
            panel.background.stop()
        return measured(case_ids, **options)

    monkeypatch.setattr(state.session, "suspicions", measure)
    pressed(panel.rank, panel)
    assert len(calls) == 2
    assert set(state.suspicion) == {*calls[0], *calls[1]}
    assert panel.background.said.value == STOPPED


def test_films_that_cannot_be_read_are_counted_and_the_others_classified(flag_reader, confounded):
    broken = [replace(case, image="gone.png") for case in confounded.cases[:20]]
    session = CaseSession(flag_reader, confounded.where([*broken, *confounded.cases[20:]]))
    panel = RankingPanel(ExplorerState(session))
    pressed(panel.classify, panel)
    assert set(session.predictions.case_ids) == {case.case_id for case in confounded.cases[20:]}
    assert "20 of 24 films could not be read" in panel.background.said.value
    nothing = CaseSession(flag_reader, confounded.where(broken[:3]))
    panel = RankingPanel(ExplorerState(nothing))
    pressed(panel.classify, panel)
    assert "could be read" in panel.background.said.value
    for each in (session, nothing):
        each.close()


def test_a_blind_reader_is_offered_no_rank(panel, state):
    state.blind = True
    assert not there(panel.rank)
    state.blind = False
    assert there(panel.rank)


def test_without_flags_there_is_nothing_to_rank(panel, state):
    state.filters = Filters(flag=("no",))
    assert not there(panel.rank)


def test_embedded_films_have_a_place_by_which_the_list_is_filtered(panel, state):
    state.filters = Filters(body_part=("hand", "wrist"))
    listed = set(state.case_ids)
    assert panel.embed.description == f"Embed {len(listed)} listed films"
    pressed(panel.embed, panel)
    placed = state.frame[state.frame["x"].notna()]
    assert set(placed["case_id"]) == listed
    assert np.isfinite(placed[["x", "y"]].to_numpy()).all()
    state.blind = True
    assert not there(panel.embed)
    assert not {"x", "y"} & set(state.rows.columns)


def test_a_film_that_cannot_be_read_has_no_place_and_three_films_have_no_plane(panel, state):
    first = state.case_ids[0]
    state.session._cases[first] = replace(state.session.case(first), image="gone.png")
    state.session.manifest = state.session.manifest.where(state.session._cases.values())
    pressed(panel.embed, panel)
    assert first not in state.places
    assert len(state.places) == len(state.case_ids) - 1
    state.filters = Filters(case_ids=tuple(state.case_ids[:3]))
    assert not there(panel.embed)
