"""The case explorer: the worklist beside the case, in JupyterLab and voila."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Protocol

import ipywidgets as widgets

from workbench.core.errors import OptionError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.dashboards.explorer.case_panel import CasePanel
from workbench.dashboards.explorer.layers_panel import LayersPanel
from workbench.dashboards.explorer.ranking_panel import RankingPanel
from workbench.dashboards.explorer.readers_panel import ReadersPanel
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.explorer.verdict_panel import KEYS, VerdictPanel
from workbench.dashboards.explorer.what_if_panel import TITLE as WHAT_IF
from workbench.dashboards.explorer.what_if_panel import WhatIfPanel
from workbench.dashboards.explorer.worklist_panel import WorklistPanel
from workbench.dashboards.session import CaseSession
from workbench.dashboards.sources import Source, run_source
from workbench.dashboards.viewer import FilmViewer
from workbench.models.classifier import Classifier
from workbench.runs.reviews import ReviewBook
from workbench.runs.run import Run


class Panel(Protocol):
    """Part of the explorer below the film."""

    widget: widgets.Widget
    """What is displayed."""
    visible: bool
    """Whether its tab is open; set by the explorer."""


MakePanel = Callable[[ExplorerState, FilmViewer], Panel]
"""Makes a panel of the state and of the viewer that shows the case."""

PANELS: tuple[tuple[str, MakePanel], ...] = (
    (WHAT_IF, WhatIfPanel),
    ("Layers", lambda state, _viewer: LayersPanel(state)),
    ("Readers", lambda state, _viewer: ReadersPanel(state)),
)
"""Title of the tab -> what is in it, from left to right."""


class CaseExplorer:
    """A dashboard for going through cases: list, film, map, what if, verdicts.

    It displays itself at the end of a notebook's cell.

    Parameters
    ----------
    state
        What is shown; change it, and the dashboard follows.
    panels
        The tabs below the film.
    """

    def __init__(self, state: ExplorerState, panels: Sequence[tuple[str, MakePanel]] = PANELS) -> None:
        self.state = state
        self.ranking = RankingPanel(state)
        self.worklist = WorklistPanel(state)
        self.verdict = VerdictPanel(state)
        self.case = CasePanel(state, [self.verdict.widget])
        self.verdict.on_written(self.case.viewer.focus)
        for viewer in (self.case.viewer, self.case.beside_viewer):
            viewer.on_key(KEYS, self.verdict.press)
        self.message = widgets.HTML()
        state.observe(self._say, "message")
        self.panels = {title: make(state, self.case.viewer) for title, make in panels}
        self.tabs = widgets.Tab([each.widget for each in self.panels.values()], titles=list(self.panels))
        self.tabs.observe(self._open, "selected_index")
        state.observe(self._turn_to, "tab")
        below = [self.tabs] if self.panels else []
        right = widgets.VBox([self.message, self.case.widget, *below], layout={"min_width": "0"})
        columns = {"grid_template_columns": "minmax(420px, 2fr) minmax(0, 3fr)", "grid_gap": "20px"}
        left = widgets.VBox([self.ranking.widget, self.worklist.widget], layout={"min_width": "0"})
        self.widget = widgets.GridBox([left, right], layout=columns)
        self._say()
        self._open()

    def _open(self, _change: Any = None) -> None:
        """Tell each panel whether it is looked at; hidden ones compute nothing."""
        for place, panel in enumerate(self.panels.values()):
            panel.visible = place == self.tabs.selected_index
            if panel.visible:
                self.state.tab = self.tabs.titles[place]

    def _turn_to(self, _change: Any) -> None:
        if self.state.tab in self.panels:
            self.tabs.selected_index = list(self.panels).index(self.state.tab)

    def _say(self, _change: Any = None) -> None:
        self.message.value = f'<p role="status"><b>{escape(self.state.message)}</b></p>' if self.state.message else ""

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget._repr_mimebundle_(**kwargs)


def explore(
    model: Classifier | Run | str | Path,
    manifest: Manifest | None = None,
    *,
    predictions: Predictions | None = None,
    reviews: str | Path | None = None,
    suspicion: Mapping[str, float] | None = None,
    root: str | Path | None = None,
    split: str = "",
) -> CaseExplorer:
    """Open the case explorer on a model and films, or on a run.

    Parameters
    ----------
    model
        What ``wb.wrap`` or ``wb.load_model`` returned; or a training or evaluation run: itself, its id, unique
        beginning, folder, or ``latest:evaluate``. A run brings its films, predictions and a place for verdicts.
    manifest
        The films; none is read before it is shown. A run's own where nothing is said.
    predictions
        Of these films or some of them; without any the list can be classified from the dashboard.
    reviews
        Folder of the readers' verdicts; without one, and without a run, no verdict can be given.
    suspicion
        By case id: share of the attribution on the flag times the change in probability when it is covered. An
        evaluation that has covered something brings its own.
    root
        Folder of a run's films.
    split
        Only these films of a run; a comma joins several.

    Returns
    -------
    CaseExplorer
        Displays itself.

    Raises
    ------
    OptionError
        A model without a manifest.
    ModelError
        The model tells other classes apart than the manifest.
    RunError
        There is no such run.
    """
    if isinstance(model, Classifier):
        if manifest is None:
            raise OptionError("explore: a model needs a manifest of the films to look at")
        source = Source(model.architecture, model, manifest)
    else:
        source = run_source(model, manifest, root=root, split=split)
    folder = reviews or source.reviews
    session = CaseSession(source.classifier, source.manifest, predictions or source.predictions)
    book = ReviewBook(folder) if folder else None
    return CaseExplorer(ExplorerState(session, book, suspicion=suspicion or source.suspicion))
