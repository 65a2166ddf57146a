"""What if, without a browser: choices in, films, words and history out."""

import csv
import io

import pytest

from workbench.audit.edits import EDITS
from workbench.core.options import options_of
from workbench.dashboards.explorer.explorer import CaseExplorer
from workbench.dashboards.explorer.option_controls import OptionControls
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.explorer.what_if_panel import KEY, TITLE, WhatIfPanel
from workbench.dashboards.explorer.worklist import Filters
from workbench.dashboards.session import CaseSession
from workbench.dashboards.viewer import FilmViewer
from workbench.plots.viewer.content import FilmView
from workbench.runs.reviews import ReviewBook


@pytest.fixture
def state(flag_reader, confounded, tmp_path):
    session = CaseSession(flag_reader, confounded)
    session.predict([case.case_id for case in confounded])
    yield ExplorerState(session, ReviewBook(tmp_path / "reviews"))
    session.close()


@pytest.fixture
def panel(state):
    made = WhatIfPanel(state, FilmViewer())
    made.viewer.show(FilmView(state.session.film(state.case_id).pixels, key=state.case_id))
    return made


def looked(panel, edit="cover", thing=None, **options):
    panel.edit.value = edit
    if thing:
        panel.thing.value = thing
    for name, value in options.items():
        panel.options.controls[name].value = value
    panel.look_again.click()
    panel.background.wait()
    return panel.history[-1] if panel.history else None


def drawn(panel, left, top, right, bottom):
    panel.viewer.drawn = [*panel.viewer.drawn, {"kind": "box", "corners": [[left, top], [right, bottom]]}]


def shown(panel):
    return [box for box in panel._films if box.layout.display != "none"]


def test_it_covers_the_annotated_flag_first_and_a_flag_reader_loses_its_mind(panel, state):
    assert panel.thing.value == "flag"
    done = looked(panel)
    assert (done.case_id, done.edit, done.thing, done.class_name) == (state.case_id, "cover", "flag", "abnormal")
    assert done.before > 0.6
    assert done.change < -0.5
    assert abs(done.control_change) < 0.05
    assert done.after == pytest.approx(done.before + done.change)
    assert f"{done.before:.2f} → {done.after:.2f}" in panel.said.value
    assert "control patch" in panel.said.value


def test_the_films_share_one_scale_and_the_control_patch_is_outlined(panel):
    looked(panel)
    assert len(shown(panel)) == 3
    assert len({tuple(viewer.layers[0]["scale"]) for viewer in panel.viewers}) == 1
    assert len({viewer.link_group for viewer in panel.viewers}) == 1
    labels = [[mark["label"] for mark in viewer.marks] for viewer in panel.viewers]
    assert labels == [["region", "control patch"], ["region"], ["control patch"]]


def test_what_is_drawn_is_chosen_and_is_what_is_covered(panel):
    drawn(panel, 2, 2, 8, 8)
    assert panel.thing.value == "drawn 1"
    beside = looked(panel)
    assert abs(beside.change) < 0.05
    drawn(panel, 34, 2, 46, 12)
    assert panel.thing.value == "drawn 2"
    assert looked(panel).change < -0.5
    panel.viewer.selected = 0
    assert panel.thing.value == "drawn 1"


def test_the_key_looks_again_and_opens_the_tab(panel, state):
    panel.viewer._handle_msg(
        {"content": {"data": {"method": "custom", "content": {"event": "key", "key": KEY}}}, "buffers": []}
    )
    panel.background.wait()
    assert len(panel.history) == 1
    assert state.tab == TITLE


def test_the_class_is_that_of_the_film_as_it_is(panel, state):
    state.target = "normal"
    done = looked(panel)
    assert done.class_name == "normal"
    assert done.change > 0.5
    state.target = "predicted"
    assert looked(panel).class_name == "abnormal"  # though the edited film is called normal


@pytest.mark.parametrize("edit", [name for name in EDITS if not EDITS.make(name).local and name != "remove-frame"])
def test_an_edit_of_the_whole_film_needs_no_thing_and_says_that_it_has_no_control(panel, edit):
    done = looked(panel, edit)
    assert panel.thing.layout.display == "none"
    assert done.thing == "the whole film"
    assert done.control is None
    assert len(shown(panel)) == 2
    assert "has no control" in panel.said.value


def test_options_become_controls_and_reach_the_edit(panel):
    assert looked(panel, "crop", "flag", margin=0.5).options == "margin=0.5"
    assert panel.viewers[1].film["width"] == 16  # 8 columns, half as much either side
    assert looked(panel, "rotate", angle_deg=90.0).options == "angle_deg=90.0"
    assert panel.viewers[1].film["width"] == 40


def test_a_pasted_flag_makes_a_normal_film_abnormal(panel, state):
    state.filters = Filters(label=("normal",))
    panel.viewer.show(FilmView(state.session.film(state.case_id).pixels, key=state.case_id))
    state.target = "abnormal"
    drawn(panel, 34, 2, 46, 14)
    done = looked(panel, "paste-flag", letter="R")
    assert done.options == "letter=R"
    assert done.change > 0.2


def test_what_cannot_be_done_is_a_sentence_and_the_rest_stays_usable(panel):
    looked(panel, thing="frame that is found")
    assert "no frame is found" in panel.background.said.value
    assert panel.history == []
    assert looked(panel, thing="flag").change < -0.5
    assert panel.background.said.value == ""


def test_the_map_s_own_box_can_be_covered(panel):
    assert looked(panel, thing="where the map is strongest").change < -0.5


def test_another_case_clears_the_films_and_has_its_own_history(panel, state):
    first = looked(panel)
    state.step(1)
    assert panel._films_row.layout.display == "none"
    assert panel.table.value == ""
    looked(panel, "blur")
    assert "blur" in panel.table.value
    assert "cover" not in panel.table.value
    state.step(-1)
    assert "cover" in panel.table.value
    rows = list(csv.DictReader(io.StringIO(_exported(panel))))
    assert [row["edit"] for row in rows] == ["cover", "blur"]
    assert float(rows[0]["change"]) == first.change
    assert rows[0]["case_id"] != rows[1]["case_id"]


def _exported(panel):
    given = []
    panel.download.give = lambda name, content, media_type: given.append((name, content.decode(), media_type))
    panel.save.click()
    assert given[0][0].endswith(".csv")
    return given[0][1]


def test_blind_it_is_hidden_until_the_verdict_is_given(panel, state):
    looked(panel)
    state.reviewer, state.blind = "Ann", True
    assert panel._body.layout.display == "none"
    assert "verdict" in panel._hidden.value
    count = len(panel.history)
    panel.look()
    panel.background.wait()
    assert len(panel.history) == count
    state.give("unsure")
    assert panel._body.layout.display is None
    assert panel._hidden.value == ""


def test_a_list_without_cases_is_no_error(panel, state):
    state.filters = Filters(probability=(0.0, 1e-9))
    panel.look()
    assert "No case" in panel._hidden.value
    assert panel.thing.options == ()


@pytest.mark.parametrize("name", EDITS.names())
def test_every_option_of_every_edit_has_a_control_that_gives_a_value_it_takes(name):
    owner = type(EDITS.make(name))
    controls = OptionControls(owner)
    assert set(controls.values) == {each.name for each in options_of(owner)}
    assert EDITS.make(name, **controls.values) == owner()


def test_the_explorer_opens_the_panel_that_the_state_asks_for(state):
    explorer = CaseExplorer(state)
    assert state.tab == next(iter(explorer.panels))
    for title, panel in explorer.panels.items():
        state.tab = title
        assert explorer.tabs.titles[explorer.tabs.selected_index] == title
        assert panel.visible
        assert sum(each.visible for each in explorer.panels.values()) == 1
