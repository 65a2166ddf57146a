"""What if: edit the film, let the model look again, and compare with a control - side by side, on one scale."""

from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from workbench.audit.edits import EDITS, AbstractEdit
from workbench.audit.what_if import Look, WhatIf
from workbench.core.progress import Progress
from workbench.dashboards.background import Background
from workbench.dashboards.download import Download
from workbench.dashboards.explorer.edit_history import (
    HEAD,
    EditedOnce,
    change_words,
    edit_words,
    edited_once,
    history_csv,
)
from workbench.dashboards.explorer.option_controls import STYLE, OptionControls
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.explorer.things import thing_mask, things
from workbench.dashboards.tables import html_table
from workbench.dashboards.viewer import FilmViewer
from workbench.imaging.regions import mask_box
from workbench.plots.scales import Scale, scale_of
from workbench.plots.theme import method_title
from workbench.plots.viewer.content import FilmView, MapLayer, Mark

TITLE = "What if"
KEY = "c"
LINK_GROUP = "what if"
NOTHING_YET = "Draw a box on the film or choose a thing, choose what to do with it, and look again."


class WhatIfPanel:
    """Something is done to the film, and the model looks again.

    The class is the one that the state's target means on the film as it is; it is not chosen again after the edit.

    Parameters
    ----------
    state
        Of the explorer.
    viewer
        Shows the case; regions are drawn there, and its key ``c`` looks again.
    """

    def __init__(self, state: ExplorerState, viewer: FilmViewer) -> None:
        self.state, self.viewer = state, viewer
        self.visible = False
        self.history: list[EditedOnce] = []
        edits = [(edit_words(name), name) for name in EDITS]
        self.edit = widgets.Dropdown(options=edits, description="Edit", style=STYLE, layout={"width": "170px"})
        self.thing = widgets.Dropdown(description="of", style=STYLE, layout={"width": "230px"})
        self.options = OptionControls(type(EDITS.make(self.edit.value)))
        self._options = widgets.VBox()
        self.look_again = widgets.Button(description="Look again", icon="eye", button_style="primary", tooltip="key c")
        self.background = Background()
        self.help, self.said, self.table = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.viewers = tuple(FilmViewer(link_group=LINK_GROUP, height_px=400) for _ in range(3))
        self.save = widgets.Button(description="History as CSV", icon="download", layout={"width": "150px"})
        self.download = Download()
        self._films = [widgets.VBox([each], layout={"min_width": "0"}) for each in self.viewers]
        self._hidden, self._body = widgets.HTML(), widgets.VBox(self._parts())
        self.widget = widgets.VBox([self._hidden, self._body])
        self._connect()
        self._choose_edit()
        self._show_case()

    def look(self) -> None:
        """Do what is chosen, in the background, and show what comes of it."""
        case, state = self.state.case, self.state
        if case is None or not state.revealed:
            return
        name, thing = self.edit.value, self.thing.value
        edit = EDITS.make(name, **self.options.values)
        drawn, method, target, layer = self.viewer.regions, state.method, state.target, state.layer

        def work(_progress: Progress) -> WhatIf:
            session = state.session
            clean = session.explanation(case.case_id, method, target=target, layer=layer)
            meant = session.classifier.class_names[int(clean.targets[0])]
            pixels, region = session.film(case.case_id).pixels, None
            if edit.local:
                region = thing_mask(thing, case, pixels, drawn=drawn, explanation=clean)
            return session.what_if(case.case_id, edit, region, target=meant, method=method, layer=layer)

        def done(seen: WhatIf) -> None:
            self.history.append(edited_once(case.case_id, name, edit, thing=thing, method=method, seen=seen))
            self._show_history()
            if state.case_id == case.case_id:
                self._show(case.case_id, edit, seen, method)

        self.background.start(work, done, words="looking again")

    def _parts(self) -> list[widgets.Widget]:
        wrap = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px 12px"}
        choice = widgets.HBox([self.edit, self.thing, self._options, self.look_again], layout=wrap)
        columns = {"grid_template_columns": "repeat(auto-fit, minmax(290px, 1fr))", "grid_gap": "10px"}
        films = widgets.GridBox(self._films, layout=columns)
        self._films_row = films
        self._kept = widgets.VBox([self.table, self.save, self.download])
        return [choice, self.help, self.background.widget, self.said, films, self._kept]

    def _connect(self) -> None:
        self.edit.observe(self._choose_edit, "value")
        self.viewer.observe(self._choose_things, "drawn")
        self.viewer.observe(self._choose_drawn, "selected")
        self.viewer.on_key({KEY: "what if: look again"}, lambda _key: self._press())
        self.look_again.on_click(lambda _button: self.look())
        self.save.on_click(lambda _button: self._save())
        self.state.observe(self._show_case, "case_id")
        self.state.observe(self._reveal, ["case_id", "revision"])

    def _press(self) -> None:
        self.state.tab = TITLE
        self.look()

    def _save(self) -> None:
        self.download.give("what-if.csv", history_csv(self.history).encode(), media_type="text/csv")

    def _choose_edit(self, _change: Any = None) -> None:
        made = EDITS.make(self.edit.value)
        self.options = OptionControls(type(made))
        self._options.children = [self.options.widget]
        self.thing.layout.display = None if made.local else "none"
        about = (type(made).__doc__ or "").splitlines()[0]
        control = f"Control: {made.compared_with}." if made.local else "An edit of the whole film has no control."
        self.help.value = f"<p>{escape(about)} {escape(control)}</p>"

    def _choose_things(self, _change: Any = None) -> None:
        """Offer what the film has now; what the reader has just drawn is chosen, else what was chosen stays."""
        case = self.state.case
        known = things(case, self.viewer.regions) if case else ()
        before, kept = set(self.thing.options), self.thing.value
        self.thing.options = known
        added = [each for each in known if each not in before]
        wanted = added[-1] if _change is not None and added else kept if kept in known else None
        self.thing.value = wanted or (known[0] if known else None)

    def _choose_drawn(self, _change: Any) -> None:
        number = self.viewer.selected
        if 0 <= number < len(self.viewer.regions) and number < len(self.thing.options):
            self.thing.value = self.thing.options[number]

    def _show_case(self, _change: Any = None) -> None:
        self.background.stop()
        self.background.say("")
        self.said.value = f"<p>{NOTHING_YET} Key <b>{KEY}</b> on the film does it too.</p>"
        self._films_row.layout.display = "none"
        self._choose_things()
        self._show_history()
        self._reveal()

    def _reveal(self, _change: Any = None) -> None:
        case = self.state.case
        why = "No case passes the filters." if case is None else ""
        why = why or ("" if self.state.revealed else "Hidden until your verdict is given.")
        self._hidden.value = f"<p>{why}</p>" if why else ""
        self._body.layout.display = "none" if why else None

    def _show(self, case_id: str, edit: AbstractEdit, seen: WhatIf, method: str) -> None:
        looks = [look for look in (seen.before, seen.after, seen.control) if look is not None]
        scale = scale_of(*(look.values for look in looks))
        for viewer, box, look in zip(self.viewers, self._films, (*looks, None), strict=False):
            box.layout.display = None if look is not None else "none"
            if look is not None:
                viewer.show(_view(case_id, look, seen, scale, method_title(method)))
        self._films_row.layout.display = None
        self.said.value = f"<p><b>{escape(change_words(edit, seen))}</b></p>"

    def _show_history(self) -> None:
        done = [each for each in self.history if each.case_id == self.state.case_id]
        rows = [[escape(cell) for cell in each.cells()] for each in reversed(done)]
        self.table.value = html_table(rows, HEAD) if rows else ""
        self._kept.layout.display = None if self.history else "none"


def _view(case_id: str, look: Look, seen: WhatIf, scale: Scale, title: str) -> FilmView:
    """Return one look with its map; what was edited is outlined wherever the film still lies as it did."""
    layer = MapLayer(look.values, look.to_edited, scale, f"{title}, class {seen.target}")
    kept = look.film.pixels.shape == seen.before.film.pixels.shape and bool((look.film.to_film == np.eye(3)).all())
    marks = _marks(look, seen) if kept else []
    heading = f"{look.title}: {look.probability:.2f}"
    return FilmView(look.film.pixels, [layer], marks, heading, key=case_id if kept else f"{case_id} {look.title}")


def _marks(look: Look, seen: WhatIf) -> list[Mark]:
    """Return the region and the control patch on the film as it is, on an edited one what was edited there."""
    known = [("region", seen.region, seen.control), ("control patch", seen.control_region, seen.after)]
    return [
        Mark(name, box, mask)
        for name, mask, other in known
        if mask is not None and look is not other and (box := mask_box(mask))
    ]
