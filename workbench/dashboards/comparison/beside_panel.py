"""One film as all models see it: their maps side by side on one scale, the difference of two, and shares in a table."""

from html import escape
from itertools import combinations
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd

from workbench.audit.map_difference import SUBTRACTED, map_difference
from workbench.audit.region_shares import region_shares
from workbench.core.case import Case
from workbench.core.errors import WorkbenchError
from workbench.core.explanation import Explanation
from workbench.core.geometry import scaling
from workbench.dashboards.comparison.parts import quiet_html, table_html, warning_html
from workbench.dashboards.comparison.state import ComparisonState
from workbench.dashboards.tables import number_text, share_text
from workbench.dashboards.viewer import FilmViewer
from workbench.plots.scales import scale_of
from workbench.plots.theme import method_title
from workbench.plots.viewer.content import FilmView, MapLayer, Mark, map_layer, marks_of

OUTLINED_NOT = ("anatomy", "lesion")
"""Categories too large to outline without hiding the film."""
LINK_GROUP = "comparison"
HEIGHT_PX = 400
NONE = "none"
SHARES_SAY = "Shares are of the map's positive values; a dash stands where it has none. Areas are shares of the film."
NOTHING_KNOWN = "Share of the map on flag, frame, evidence: none known on this film."
SCALES = (("one for all models", True), ("each on its own", False))


class BesidePanel:
    """The case that the state is at, a viewer for each model and one for the difference.

    Viewers are linked: zoom, pan and window of one are those of all. Maps are raw and signed; on one scale they can be
    compared in magnitude, each on its own they can be compared in shape.

    Parameters
    ----------
    state
        Of the comparison.
    """

    def __init__(self, state: ComparisonState) -> None:
        self.state = state
        self.viewers = {name: self._viewer() for name in state.names}
        self.frame = pd.DataFrame()
        self.difference = self._viewer()
        self.said, self.facts, self.shares = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.method, self.target, self.scale = self._controls()
        pairs = [(f"{a} − {b}", f"{place}") for place, (a, b) in enumerate(self._pairs)]
        self.pair = widgets.Dropdown(options=[("none", NONE), *pairs], description="Difference")
        self.pair.value = "0" if len(self.viewers) == 2 else NONE
        ways = [(words, key) for key, words in SUBTRACTED.items()]
        self.subtracted = widgets.Dropdown(options=ways, description="of")
        widgets.link((state, "subtracted"), (self.subtracted, "value"))
        controls = [self.method, self.target, self.scale, self.pair, self.subtracted]
        for control in controls:
            control.layout.width = "270px" if control is not self.pair else "340px"
        self._films = widgets.GridBox(layout={"grid_gap": "10px", "width": "100%"})
        row = widgets.HBox(controls, layout={"flex_flow": "row wrap"})
        parts = [row, self.said, self.facts, self._films, self.shares]
        self.widget = widgets.VBox(parts, layout={"min_width": "0"})
        state.observe(self._draw, ["case_id", "method", "target", "shared_scale", "subtracted"])
        self.pair.observe(self._draw, "value")
        self._draw()

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        return list(combinations(self.state.names, 2))

    def pictures(self) -> dict[str, bytes]:
        """Return what the viewers show as PNG, by model; nothing where no film is shown."""
        shown = self.viewers | ({"difference": self.difference} if self.pair.value != NONE else {})
        return {name: viewer.poster() for name, viewer in shown.items() if viewer.film is not None}

    def _viewer(self) -> FilmViewer:
        viewer = FilmViewer(link_group=LINK_GROUP, height_px=HEIGHT_PX)
        viewer.on_step(self.state.step)
        return viewer

    def _controls(self) -> tuple[widgets.Dropdown, widgets.Dropdown, widgets.Dropdown]:
        state = self.state
        methods = [(method_title(name), name) for name in state.methods()] or [("none", state.method)]
        classes = [(f"class {name}", name) for name in state.compared.films.class_names]
        targets = [*classes, ("predicted class of each", "predicted"), ("expected class", "expected")]
        method = widgets.Dropdown(options=methods, description="Method")
        target = widgets.Dropdown(options=targets, description="Map of the")
        scale = widgets.Dropdown(options=SCALES, description="Scale")
        widgets.link((state, "method"), (method, "value"))
        widgets.link((state, "target"), (target, "value"))
        widgets.link((state, "shared_scale"), (scale, "value"))
        return method, target, scale

    def _draw(self, _change: Any = None) -> None:
        case = self.state.case
        if case is None:
            self._clear("No film is listed.")
            return
        try:
            pixels = next(iter(self.state.compared.models.values())).session.film(case.case_id).pixels
        except WorkbenchError as error:
            self._clear(str(error))
            return
        found, refusals = self._explanations(case)
        marks = marks_of([each for each in case.annotations if each.category not in OUTLINED_NOT], pixels.shape)
        for name, viewer in self.viewers.items():
            layers = [self._layer(found, name)] if name in found else []
            viewer.show(FilmView(pixels, layers, marks, name, key=case.case_id))
        has_difference = self._draw_difference(pixels, marks, found, case)
        self._lay_out(has_difference=has_difference)
        self.said.value = "".join(warning_html(f"{name}: {reason}") for name, reason in refusals.items())
        self.facts.value = _facts(case)
        self.shares.value = self._table(case, found)

    def _explanations(self, case: Case) -> tuple[dict[str, Explanation], dict[str, str]]:
        """Return each model's map, and why others have none."""
        found: dict[str, Explanation] = {}
        refusals: dict[str, str] = {}
        for name in self.viewers:
            try:
                found[name] = self.state.explanation(name, case.case_id)
            except WorkbenchError as error:
                refusals[name] = str(error)
        return found, refusals

    def _layer(self, found: dict[str, Explanation], name: str) -> MapLayer:
        own = found[name]
        on_one_scale = found.values() if self.state.shared_scale else [own]
        scale = scale_of(*(each.maps for each in on_one_scale))
        speaks_for = self.state.compared.films.class_names[int(own.targets[0])]
        return map_layer(own, 0, scale=scale, title=f"{method_title(own.method)}, class {speaks_for}")

    def _draw_difference(
        self, pixels: np.ndarray, marks: list[Mark], found: dict[str, Explanation], case: Case
    ) -> bool:
        """Show the difference of the chosen pair; False where there is none."""
        if self.pair.value == NONE:
            return False
        first, second = self._pairs[int(self.pair.value)]
        if first not in found or second not in found:
            self.difference.clear("One of the two models has no map of this film.")
            return True
        subtracted = self.state.subtracted
        values = map_difference(found[first], found[second], subtracted=subtracted)
        to_film = scaling(pixels.shape[1] / values.shape[1], pixels.shape[0] / values.shape[0])
        most = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
        layer = MapLayer(values, to_film, (-most, most), f"difference, {SUBTRACTED[subtracted]}")
        self.difference.show(FilmView(pixels, [layer], marks, f"{first} − {second}", key=case.case_id))
        return True

    def _lay_out(self, *, has_difference: bool) -> None:
        shown = [*self.viewers.values(), *([self.difference] if has_difference else [])]
        if list(self._films.children) != shown:
            self._films.children = shown
        self._films.layout.grid_template_columns = "repeat(auto-fit, minmax(min(320px, 100%), 1fr))"

    def _table(self, case: Case, found: dict[str, Explanation]) -> str:
        """Return probabilities and shares of the maps, a row for each model."""
        rows = {name: self._row(case, explanation) for name, explanation in found.items()}
        if not rows:
            return ""
        self.frame = pd.DataFrame(rows.values(), index=list(rows))
        return table_html(self.frame) + quiet_html(SHARES_SAY if case.annotations else NOTHING_KNOWN)

    def _row(self, case: Case, explanation: Explanation) -> dict[str, str]:
        names = self.state.compared.films.class_names
        said = explanation.probabilities[0]
        row = {f"p({name})": number_text(float(value)) for name, value in zip(names, said, strict=True)}
        row["says"] = names[int(np.argmax(said))]
        for each in region_shares(explanation.on_film(0), case):
            row[f"on {each.category} ({share_text(each.area)} of the area)"] = share_text(each.share)
        return row

    def _clear(self, message: str) -> None:
        for viewer in self.viewers.values():
            viewer.clear(message)
        self._lay_out(has_difference=False)
        self.said.value = self.facts.value = self.shares.value = ""


def _facts(case: Case) -> str:
    known = [case.label or "label not known", case.body_part, case.view, case.split, ", ".join(case.tags)]
    return f"<b>{escape(case.case_id)}</b>&ensp;{escape(' · '.join(filter(None, known)))}"
