"""Inside the network, stage by stage: the most active maps, one of them over the film, and where each stage looks."""

from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
import traitlets

from workbench.audit.region_shares import stage_shares
from workbench.core.case import Case
from workbench.core.errors import WorkbenchError
from workbench.core.explanation import Activations
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.tables import html_table, share_text
from workbench.dashboards.viewer import FilmViewer
from workbench.plots.overlays import coloured
from workbench.plots.scales import scale_of
from workbench.plots.viewer.content import FilmView, MapLayer, marks_of

COLOURS = "bwr"
"""Blue lowest to red highest, as the paper ``densenet-interpretation`` draws them."""


class MapTiles(anywidget.AnyWidget):
    """Small pictures of feature maps, stage by stage; ``chosen`` is (stage, place) of the one that is pressed."""

    _esm = Path(__file__).with_name("map_tiles.js")
    _css = Path(__file__).with_name("map_tiles.css")

    stages: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    chosen = traitlets.List(traitlets.Int(), [0, 0], minlen=2, maxlen=2).tag(sync=True)


class LayersPanel:
    """The DenseNet paper's case figure, live.

    Nothing is computed while the panel is hidden.

    Parameters
    ----------
    state
        Of the explorer.
    """

    def __init__(self, state: ExplorerState) -> None:
        self.state = state
        self.message = widgets.HTML()
        self.tiles = MapTiles()
        self.viewer = FilmViewer(height_px=420)
        self.shares = widgets.HTML()
        left = widgets.VBox([self.tiles, self.shares], layout={"flex": "1 1 460px", "min_width": "0"})
        right = widgets.VBox([self.viewer], layout={"flex": "1 1 380px", "min_width": "0"})
        self._body = widgets.HBox([left, right], layout={"flex_flow": "row wrap", "grid_gap": "18px"})
        self.widget = widgets.VBox([self.message, self._body])
        self._visible = False
        self._seen: Activations | None = None
        state.observe(self._draw, ["case_id", "revision"])
        self.tiles.observe(self._lay_over, "chosen")

    @property
    def visible(self) -> bool:
        """Whether somebody looks at the panel; set it when its tab is opened or closed."""
        return self._visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._visible = visible
        self._draw()

    def _draw(self, _change: Any = None) -> None:
        if not self._visible:
            return
        case, found, said = self.state.case, None, ""
        try:
            if case is None:
                said = "No case passes the filters."
            elif not self.state.revealed:
                said = "Hidden until your verdict is given."
            else:
                found = self.state.session.activations(case.case_id)
        except WorkbenchError as error:
            said = str(error)
        self.message.value = f"<p>{escape(said)}</p>" if said else ""
        self._body.layout.display = None if found is not None else "none"
        if found is not None and case is not None:
            self._show(found, case)

    def _show(self, found: Activations, case: Case) -> None:
        self._seen = found
        stage, place = self.tiles.chosen
        with self.tiles.hold_sync():
            self.tiles.stages = [_tiles(found, number) for number in range(len(found.stages))]
            if stage >= len(found.stages) or place >= found.stages[stage].maps.shape[1]:
                self.tiles.chosen = [0, 0]
        self.shares.value = _shares(found, case)
        self._lay_over()

    def _lay_over(self, _change: Any = None) -> None:
        """Show the chosen map over the film, on its own scale."""
        case = self.state.case
        if self._seen is None or case is None or self._seen.case_ids != (case.case_id,):
            return
        stage, place = self.tiles.chosen
        found = self._seen.stages[stage]
        values = found.maps[0, place].astype(np.float32)
        title = f"{found.title}, channel {int(found.channels[0, place])}"
        layer = MapLayer(values, self._seen.stage_to_film(0, stage), scale_of(values, kind="range"), title)
        pixels = self.state.session.film(case.case_id).pixels
        marks = [each for each in case.annotations if each.category not in ("anatomy", "lesion")]
        self.viewer.show(FilmView(pixels, [layer], marks_of(marks, pixels.shape), case.case_id, key=case.case_id))


def _tiles(found: Activations, number: int) -> dict[str, Any]:
    """Return a stage's maps as RGBA bytes, each on its own scale, with the height of a tile over its width on film."""
    stage = found.stages[number]
    maps = stage.maps[0].astype(np.float64)
    pictures = np.stack([coloured(values, colormap=COLOURS, scale=scale_of(values, kind="range")) for values in maps])
    opaque = np.ones((*pictures.shape[:3], 4))
    opaque[..., :3] = pictures
    to_film = found.stage_to_film(0, number)
    across, down = np.hypot(*to_film[:2, 0]), np.hypot(*to_film[:2, 1])
    return {
        "title": stage.title,
        "height": maps.shape[1],
        "width": maps.shape[2],
        "aspect": float(down * maps.shape[1] / (across * maps.shape[2])),
        "channels": [int(channel) for channel in stage.channels[0]],
        "pixels": np.rint(255 * opaque).astype(np.uint8).tobytes(),
    }


def _shares(found: Activations, case: Case) -> str:
    """Return a table of stages by things: where along the network a thing is seen."""
    known: dict[str, dict[str, float]] = {}
    for stage, category, share in stage_shares(found, 0, case):
        known.setdefault(stage, {})[category] = share
    if not known:
        return "<p>Where along the network a flag or the bone is seen: none known on this film.</p>"
    things = list(next(iter(known.values())))
    rows = [[escape(stage), *(share_text(shares[thing]) for thing in things)] for stage, shares in known.items()]
    head = ["mean share of the maps on", *map(escape, things)]
    return html_table(rows, head)
