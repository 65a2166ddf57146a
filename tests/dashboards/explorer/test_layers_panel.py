from dataclasses import replace

import numpy as np
import pytest

from tests.small_networks import small_resnet
from workbench.dashboards.explorer.explorer import CaseExplorer
from workbench.dashboards.explorer.layers_panel import LayersPanel
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.session import CaseSession
from workbench.models.classifier import wrap


@pytest.fixture
def state(confounded):
    session = CaseSession(wrap(small_resnet(), class_names=("normal", "abnormal"), input_size=64), confounded)
    yield ExplorerState(session)
    session.close()


def test_a_hidden_panel_computes_nothing(state):
    panel = LayersPanel(state)
    state.step(1)
    assert panel.tiles.stages == []
    assert not [key for key in state.session._maps._values if key[1] == "activations"]


def test_tiles_hold_every_stage_and_the_chosen_map_lies_on_the_film(state):
    panel = LayersPanel(state)
    panel.visible = True
    found = state.session.activations(state.case_id)
    assert [each["title"] for each in panel.tiles.stages] == [stage.title for stage in found.stages]
    first = panel.tiles.stages[0]
    assert len(first["pixels"]) == 4 * len(first["channels"]) * first["height"] * first["width"]
    panel.tiles.chosen = [1, 2]
    (layer,) = panel.viewer._shown.layers
    np.testing.assert_array_equal(layer.values, found.stages[1].maps[0, 2].astype(np.float32))
    assert str(found.stages[1].channels[0, 2]) in layer.title
    film = state.session.film(state.case_id)
    corner = layer.to_film @ [layer.values.shape[1], layer.values.shape[0], 1]
    np.testing.assert_allclose(corner[:2], [film.width, film.height])


def test_the_table_says_where_along_the_network(state):
    panel = LayersPanel(state)
    panel.visible = True
    state.case_id = next(case.case_id for case in state.session.manifest if case.has("flag"))
    assert "flag" in panel.shares.value
    state.session._cases[state.case_id] = replace(state.case, annotations=())
    panel.visible = True
    assert "none known" in panel.shares.value


def test_blind_readers_see_nothing_and_empty_lists_are_said(state):
    panel = LayersPanel(state)
    panel.visible = True
    state.blind = True
    assert "Hidden" in panel.message.value
    assert panel._body.layout.display == "none"


def test_a_network_without_stages_is_a_sentence(flag_reader, confounded):
    session = CaseSession(flag_reader, confounded)
    session.classifier.layers  # noqa: B018 - found once
    state = ExplorerState(session)
    panel = LayersPanel(state)
    panel.visible = True
    assert panel.message.value or panel.tiles.stages
    session.close()


def test_tabs_say_which_panel_is_looked_at(state):
    explorer = CaseExplorer(
        state, [("A", lambda state, _: LayersPanel(state)), ("B", lambda state, _: LayersPanel(state))]
    )
    assert [panel.visible for panel in explorer.panels.values()] == [True, False]
    explorer.tabs.selected_index = 1
    assert [panel.visible for panel in explorer.panels.values()] == [False, True]
