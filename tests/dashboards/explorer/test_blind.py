"""Blind, no part of the explorer shows what the model says of a film before the reader has given a verdict on it."""

import re
from collections.abc import Iterator

import ipywidgets as widgets
import pytest

from workbench.dashboards.explorer.explorer import PANELS, CaseExplorer
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.session import CaseSession
from workbench.dashboards.viewer import FilmViewer
from workbench.runs.reviews import ReviewBook

GIVEN_AWAY = re.compile(r"\bp\(|probability|0\.\d\d|1\.00|\bTP\b|true positive|prediction|% box")


@pytest.fixture
def explorer(flag_reader, confounded, tmp_path):
    session = CaseSession(flag_reader, confounded)
    session.predict([case.case_id for case in confounded])
    explorer = CaseExplorer(ExplorerState(session, ReviewBook(tmp_path / "reviews")))
    yield explorer
    session.close()


def displayed(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield what is not hidden, depth first; of tabs the open one."""
    if getattr(getattr(widget, "layout", None), "display", None) == "none":
        return
    yield widget
    children = getattr(widget, "children", ())
    if isinstance(widget, widgets.Tab):
        children = children[widget.selected_index : widget.selected_index + 1]
    for child in children:
        yield from displayed(child)


def told(explorer: CaseExplorer) -> list[str]:
    """Return every displayed word that gives the model away, and every map."""
    found = []
    for each in displayed(explorer.widget):
        if isinstance(each, FilmViewer):
            found += [layer["title"] for layer in each.layers] + [mark["label"] for mark in each.marks]
        elif isinstance(each, widgets.HTML):
            found.append(each.value)
        else:
            found.append(str(getattr(each, "description", "")))
    return [words for words in found if GIVEN_AWAY.search(words) or "Grad-CAM, class" in words]


@pytest.mark.parametrize("tab", range(len(PANELS)))
def test_every_panel_hides_what_the_model_says(explorer, tab):
    explorer.tabs.selected_index = tab
    assert told(explorer) != []
    explorer.state.reviewer, explorer.state.blind = "Ann", True
    assert told(explorer) == []
    explorer.state.step(1)
    assert told(explorer) == []
    explorer.verdict.advance.value = False
    explorer.verdict.press("r")
    assert told(explorer) != []


def test_the_table_has_no_column_of_the_models(explorer):
    explorer.state.reviewer, explorer.state.blind = "Ann", True
    assert not {"probability", "prediction", "outcome", "suspicion"} & set(explorer.state.rows.columns)


def test_keys_on_either_film_give_the_verdict(explorer):
    explorer.state.reviewer = "Ann"
    first, second = explorer.state.case_ids[:2]
    explorer.case.viewer._handle_custom_msg({"event": "key", "key": "x"}, [])
    explorer.case.beside_viewer._handle_custom_msg({"event": "key", "key": "u"}, [])
    said = explorer.state.verdicts
    assert (said["Ann", first].verdict, said["Ann", second].verdict) == ("wrong reason", "unsure")
