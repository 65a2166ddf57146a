"""All readers' verdicts: on the case that is shown, how far they agree, and as a table for elsewhere."""

from html import escape
from typing import Any

import ipywidgets as widgets

from workbench.core.errors import WorkbenchError
from workbench.dashboards.download import Download
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.tables import html_table
from workbench.evaluation.agreement import ReaderAgreement, reader_agreement
from workbench.evaluation.intervals import Interval
from workbench.runs.reviews import BYTE_ORDER_MARK, CSV_FILE, Review

HIDDEN = "Other readers' verdicts stay hidden while you read blind."
MOST_UNREAD = 5
"""Lines that are no verdicts, shown one by one; the rest is counted."""


class ReadersPanel:
    """Who said what of the case, agreement of readers two by two, and verdicts as CSV.

    Parameters
    ----------
    state
        Of the explorer.
    """

    def __init__(self, state: ExplorerState) -> None:
        self.state = state
        self.verdicts = widgets.HTML()
        self.agreement = widgets.HTML()
        self.unread = widgets.HTML()
        self.download = Download()
        self.export = widgets.Button(description="Verdicts as CSV", icon="download", layout={"width": "150px"})
        self.refresh = widgets.Button(description="Read again", icon="refresh", tooltip="what others said meanwhile")
        self.exported = widgets.HTML()
        self.export.on_click(lambda _button: self.export_csv())
        self.refresh.on_click(lambda _button: state.read_verdicts())
        buttons = widgets.HBox([self.export, self.refresh, self.exported, self.download])
        self.widget = widgets.VBox([self.verdicts, self.agreement, self.unread, buttons])
        self._visible = False
        state.observe(self._fill, ["case_id", "revision"])

    @property
    def visible(self) -> bool:
        """Whether the panel is looked at; while it is not, nothing is computed."""
        return self._visible

    @visible.setter
    def visible(self, visible: bool) -> None:
        self._visible = visible
        self._fill()

    def export_csv(self) -> None:
        """Hand the verdicts to the browser, a blind reader's only his own, and leave all beside the reviews."""
        book = self.state.book
        if book is None:
            return
        try:
            content = book.csv(reviewer=self.state.reviewer) if self.state.blind else book.csv()
            path = book.write_csv()
        except WorkbenchError as error:
            self.exported.value = f'<b role="alert">{escape(str(error))}</b>'
            return
        self.download.give(CSV_FILE, (BYTE_ORDER_MARK + content).encode(), media_type="text/csv")
        self.exported.value = f"<span>also written to {escape(str(path))}</span>"

    def _fill(self, _change: Any = None) -> None:
        if not self._visible:
            return
        state = self.state
        self.export.disabled = self.refresh.disabled = state.book is None
        self.unread.value = _unread(state)
        if state.blind:
            self.verdicts.value, self.agreement.value = f"<p>{HIDDEN}</p>", ""
            return
        said = [review for (_, case_id), review in sorted(state.verdicts.items()) if case_id == state.case_id]
        self.verdicts.value = _table_of(said)
        self.agreement.value = _agreement_table(_agreements(state))


def _table_of(said: list[Review]) -> str:
    if not said:
        return "<p>Nobody has given a verdict on this case.</p>"
    rows = [
        [review.reviewer, review.verdict, "yes" if review.blind else "no", review.note, ", ".join(review.tags)]
        for review in said
    ]
    return html_table([[escape(cell) for cell in row] for row in rows], ["reader", "verdict", "blind", "note", "tags"])


def _agreements(state: ExplorerState) -> tuple[ReaderAgreement, ...]:
    """Return the agreement on all films of the manifest, whatever is listed; patients are resampled."""
    patients = {case.case_id: case.patient_id for case in state.session.manifest}
    said: dict[str, dict[str, str]] = {}
    for (reviewer, case_id), review in state.verdicts.items():
        if case_id in patients:
            said.setdefault(reviewer, {})[case_id] = review.verdict
    return reader_agreement(said, patients=patients)


def _agreement_table(pairs: tuple[ReaderAgreement, ...]) -> str:
    if not pairs:
        return "<p>Agreement needs two readers who have seen the same case.</p>"
    rows = [
        [escape(f"{pair.first} and {pair.second}"), str(pair.cases), _per_cent(pair.share), escape(str(pair.kappa))]
        for pair in pairs
    ]
    return html_table(rows, ["readers", "cases both saw", "said the same", "Cohen's kappa"])


def _per_cent(share: Interval) -> str:
    if share.estimate is None or share.low is None or share.high is None:
        return "–" if share.estimate is None else f"{100 * share.estimate:.0f} %"
    return f"{100 * share.estimate:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def _unread(state: ExplorerState) -> str:
    """Return which lines of the verdict files are none, because a verdict must not vanish silently."""
    if not state.unread:
        return ""
    lines = "".join(f"<li>{escape(str(each))}</li>" for each in state.unread[:MOST_UNREAD])
    more = f"<li>and {len(state.unread) - MOST_UNREAD} more</li>" if len(state.unread) > MOST_UNREAD else ""
    return f"<p>Left out of the verdicts:</p><ul>{lines}{more}</ul>"
