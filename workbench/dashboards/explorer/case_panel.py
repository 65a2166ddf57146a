"""The film of one case with its map, a second map beside it, and what is known and said of it."""

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from workbench.audit.region_shares import region_shares
from workbench.core.case import Case
from workbench.core.errors import WorkbenchError
from workbench.core.explanation import Explanation
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.tables import html_table, number_text, share_text
from workbench.dashboards.viewer import FilmViewer
from workbench.imaging.regions import box_iou, map_box, mask_box
from workbench.plots.scales import Scale, scale_of
from workbench.plots.theme import method_title
from workbench.plots.viewer.content import FilmView, Mark, map_layer, marks_of

EVIDENCE = ("evidence", "fracture")
OUTLINED_NOT = ("anatomy", "lesion")
"""Categories too large to outline without hiding the film."""
ALONE, EXPECTED = "nothing", "expected"
LINK_GROUP = "case"
HEIGHT_PX = 560


class CasePanel:
    """Film, map, and facts of the case that the state is at.

    Parameters
    ----------
    state
        Of the explorer.
    below_film
        What stands right under the film.
    """

    def __init__(self, state: ExplorerState, below_film: Sequence[widgets.Widget] = ()) -> None:
        self.state = state
        self.viewer = FilmViewer(link_group=LINK_GROUP, height_px=HEIGHT_PX)
        self.beside_viewer = FilmViewer(link_group=LINK_GROUP, height_px=HEIGHT_PX)
        self.viewer.on_step(state.step)
        self.beside_viewer.on_step(state.step)
        self.facts = widgets.HTML()
        self.study = widgets.HBox(layout={"flex_flow": "row wrap"})
        self.method, self.target, self.layer, self.beside = self._controls()
        self._right = widgets.VBox([self.beside_viewer], layout={"flex": "1 1 0", "min_width": "0"})
        films = widgets.HBox([widgets.VBox([self.viewer], layout={"flex": "1 1 0", "min_width": "0"}), self._right])
        controls = widgets.HBox([self.method, self.target, self.layer, self.beside], layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox([controls, films, *below_film, self.study, self.facts])
        state.observe(self._draw, ["case_id", "method", "target", "layer", "revision"])
        self.beside.observe(self._draw, "value")
        self._draw()

    def _controls(self) -> tuple[widgets.Dropdown, ...]:
        state, session = self.state, self.state.session
        methods = [(method_title(name), name) for name, refusal in session.methods().items() if not refusal]
        targets = [("predicted class", "predicted"), ("expected class", "expected")]
        targets += [(f"class {name}", name) for name in session.classifier.class_names]
        layers = [(name or "the method's own", name) for name in session.layers()]
        if state.method not in dict(methods).values():
            state.method = methods[0][1]
        besides = [("nothing", ALONE), ("the expected class", EXPECTED), *((title, name) for title, name in methods)]
        width = {"width": "250px"}
        made = [
            widgets.Dropdown(options=methods, description="Method", layout=width),
            widgets.Dropdown(options=targets, description="Map of the", layout=width),
            widgets.Dropdown(options=layers, description="Layer", layout=width),
            widgets.Dropdown(options=besides, description="Beside it", layout=width),
        ]
        for name, control in zip(("method", "target", "layer"), made, strict=False):
            widgets.link((state, name), (control, "value"))
        return tuple(made)

    def _draw(self, _change: Any = None) -> None:
        state, case = self.state, self.state.case
        if case is None:
            self._clear("No case passes the filters.")
            return
        try:
            pixels = state.session.film(case.case_id).pixels
        except WorkbenchError as error:
            self._clear(str(error))
            return
        shown, refusal = self._explanations(case) if state.revealed else ((), "")
        state.message = refusal
        scales = _scales(shown)
        marks = marks_of([each for each in case.annotations if each.category not in OUTLINED_NOT], pixels.shape)
        for viewer, place in ((self.viewer, 0), (self.beside_viewer, 1)):
            found = shown[place : place + 1]
            layers = [map_layer(each, 0, scale=scales[place], title=self._title(each)) for each in found]
            box = [Mark("map", box, label="20 % box") for each in found if (box := map_box(each.on_film(0)))]
            name = case.case_id if state.revealed else f"{case.case_id} (blind)"
            viewer.show(FilmView(pixels, layers, [*marks, *box], name, key=case.case_id))
        self._right.layout.display = None if len(shown) > 1 else "none"
        self.facts.value = _facts(case, state, shown[:1])
        self._draw_study(case)
        state.prefetch()

    def _explanations(self, case: Case) -> tuple[tuple[Explanation, ...], str]:
        """Return the map that is asked for, the one beside it, and why one of them is missing."""
        state, wanted = self.state, [(self.state.method, self.state.target)]
        if self.beside.value == EXPECTED:
            wanted.append((state.method, "expected"))
        elif self.beside.value != ALONE:
            wanted.append((self.beside.value, state.target))
        found: list[Explanation] = []
        for method, target in wanted:
            try:
                found.append(state.session.explanation(case.case_id, method, target=target, layer=state.layer))
            except WorkbenchError as error:
                return tuple(found), str(error)
        return tuple(found), ""

    def _title(self, explanation: Explanation) -> str:
        name = self.state.session.classifier.class_names[int(explanation.targets[0])]
        return f"{method_title(explanation.method)}, class {name}"

    def _draw_study(self, case: Case) -> None:
        """Show the films of the same examination as buttons, with the vote where the model has seen them all."""
        state = self.state
        films = state.session.study(case.case_id)
        said = state.frame.set_index("case_id")["probability"]
        buttons = []
        for each in films:
            known = state.is_revealed(each.case_id) and not np.isnan(said[each.case_id])
            text = f"{each.view or each.case_id}{f'  {said[each.case_id]:.2f}' if known else ''}"
            button = widgets.Button(description=text, tooltip=each.case_id, disabled=each.case_id == case.case_id)
            button.on_click(lambda _button, case_id=each.case_id: setattr(state, "case_id", case_id))
            buttons.append(button)
        probabilities = said[[each.case_id for each in films]].to_numpy(dtype=float)
        vote = _vote(probabilities) if all(state.is_revealed(each.case_id) for each in films) else ""
        self.study.children = [
            widgets.HTML(f"<b>Study</b> {escape(case.study_id)}&ensp;"),
            *buttons,
            widgets.HTML(vote),
        ]

    def _clear(self, message: str) -> None:
        self.viewer.clear(message)
        self._right.layout.display = "none"
        self.facts.value = ""
        self.study.children = []


def _scales(explanations: tuple[Explanation, ...]) -> list[Scale]:
    """Return a scale for each map; two of one method share theirs, because they are there to be compared."""
    same = len({each.method for each in explanations}) == 1
    return [scale_of(*((each.maps for each in explanations) if same else (own.maps,))) for own in explanations]


def _vote(probabilities: np.ndarray) -> str:
    if np.isnan(probabilities).any():
        return "&ensp;not all films of the study are classified"
    votes = int((probabilities > 0.5).sum())
    return f"&ensp;{votes} of {len(probabilities)} films abnormal, mean probability {probabilities.mean():.2f}"


def _facts(case: Case, state: ExplorerState, shown: tuple[Explanation, ...]) -> str:
    row = state.frame.set_index("case_id").loc[case.case_id]
    known = [
        ("label", case.label or "not known"),
        ("body part", " ".join(filter(None, (case.body_part, case.view, case.laterality)))),
        ("split", case.split),
        ("tags", ", ".join(case.tags)),
        ("verdict", row["verdict"]),
    ]
    if state.revealed:
        said = _said(state, shown, row)
        known = [*said, *known]
    line = "&emsp;".join(f"{escape(name)} <b>{escape(str(value))}</b>" for name, value in known if value)
    return f'<p style="margin:4px 0">{line}</p>{_shares(case, shown)}'


def _said(state: ExplorerState, shown: tuple[Explanation, ...], row: Any) -> list[tuple[str, str]]:
    names = state.session.classifier.class_names
    if shown:
        probabilities = shown[0].probabilities[0]
        return [(f"p({name})", number_text(float(value))) for name, value in zip(names, probabilities, strict=True)]
    return [] if np.isnan(row["probability"]) else [("p(abnormal)", number_text(float(row["probability"])))]


def _shares(case: Case, shown: tuple[Explanation, ...]) -> str:
    """Return the share of the map on everything that is annotated, and how its box meets the evidence."""
    if not shown:
        return ""
    film_map = shown[0].on_film(0)
    shares = region_shares(film_map, case)
    head = ["share of the map on", "share", "area", "share / area"]
    rows = [
        [escape(each.category), share_text(each.share), share_text(each.area), number_text(each.enrichment)]
        for each in shares
    ]
    below = "" if shares else "<p>Share of the map on bone, flag, frame, hardware: none known on this film.</p>"
    box, evidence = map_box(film_map), case.mask(*EVIDENCE) if any(map(case.has, EVIDENCE)) else None
    if box is None:
        below += "<p>The map has no positive value, so it has no box.</p>"
    elif evidence is not None and (known := mask_box(evidence)):
        below += f"<p>Box of the map over 20 % of its maximum, IoU with the evidence: {box_iou(box, known):.2f}</p>"
    return f"<div>{html_table(rows, head) if rows else ''}{below}</div>"
