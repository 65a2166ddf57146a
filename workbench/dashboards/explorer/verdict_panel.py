"""What a reader thinks of the model's reason: a bar under the film, made to be worked by keyboard."""

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from workbench.core.errors import WorkbenchError
from workbench.dashboards.explorer.state import ExplorerState
from workbench.runs.reviews import VERDICTS, Review

VERDICT_KEYS = dict(zip(("r", "x", "u"), VERDICTS, strict=True))
NOTE_KEY, ONWARD_KEY = "n", "j"
KEYS = {key: verdict.capitalize() for key, verdict in VERDICT_KEYS.items()} | {
    NOTE_KEY: "Write a note; Enter comes back",
    ONWARD_KEY: "Next case without a verdict",
}
"""Key on the film -> what it does, for the viewer's help."""
STYLES = dict(zip(VERDICTS, ("success", "danger", "warning"), strict=True))
ASK_NAME = "Please say who you are first: verdicts are kept by reader."
NO_PLACE = "Verdicts have no place to be kept: open a run, or say explore(..., reviews=FOLDER)."


class VerdictPanel:
    """Gives the reader's verdict on the case that is shown, and goes on to the next one without.

    Parameters
    ----------
    state
        Of the explorer.
    """

    def __init__(self, state: ExplorerState) -> None:
        self.state = state
        self.buttons = {verdict: self._button(key, verdict) for key, verdict in VERDICT_KEYS.items()}
        wide, half = {"flex": "3 1 150px", "min_width": "100px"}, {"flex": "1 1 90px", "min_width": "80px"}
        self.note = widgets.Text(placeholder=f"note ({NOTE_KEY})", tooltip="kept with the verdict", layout=wide)
        self.tags = widgets.Text(placeholder="tags", tooltip="comma between", layout=half)
        self.reviewer = widgets.Text(
            placeholder="your name", description="Reader", continuous_update=False, layout={"width": "190px"}
        )
        self.reviewer.style.description_width = "52px"
        tip = "prediction, map and other readers stay hidden until you have given a verdict"
        self.blind = widgets.Checkbox(description="blind", tooltip=tip, indent=False, layout={"width": "58px"})
        self.advance = widgets.Checkbox(True, description="then the next", indent=False, layout={"width": "118px"})
        self.onward = widgets.Button(
            description=f"Next open ({ONWARD_KEY})",
            icon="forward",
            tooltip="next listed case on which you have given no verdict",
            layout={"width": "134px"},
        )
        self.progress = widgets.HTML()
        self.before = widgets.HTML()
        self._drafts: dict[tuple[str, str], tuple[str, str]] = {}
        self._filling = False
        self._written: list[Callable[[], None]] = []
        row = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "2px 10px"}
        first = widgets.HBox([*self.buttons.values(), self.note, self.tags], layout=row)
        who = [self.reviewer, self.blind, self.advance, self.onward, self.progress, self.before]
        self.widget = widgets.VBox([first, widgets.HBox(who, layout=row)])
        self._connect()
        self._fill()

    def _button(self, key: str, verdict: str) -> widgets.Button:
        button = widgets.Button(tooltip=f"{verdict}: {key} on the film", layout={"width": "146px"})
        button.on_click(lambda _button: self.give(verdict))
        return button

    def _connect(self) -> None:
        widgets.link((self.state, "blind"), (self.blind, "value"))
        self.reviewer.observe(self._name, "value")
        self.onward.on_click(lambda _button: self.go_on())
        for text in (self.note, self.tags):
            text.observe(self._draft, "value")
            text.on_msg(self._heard)
        self.state.observe(self._fill, ["case_id", "revision"])

    def on_written(self, act: Callable[[], None]) -> None:
        """Call ``act`` when Enter ends a note or tags: the keys belong to the film again."""
        self._written.append(act)

    def press(self, key: str) -> None:
        """Do what one of :data:`KEYS` asks for."""
        if key in VERDICT_KEYS:
            self.give(VERDICT_KEYS[key])
        elif key == NOTE_KEY:
            self.note.focus()
        elif key == ONWARD_KEY:
            self.go_on()

    def give(self, verdict: str) -> None:
        """Keep this verdict with the note and tags; what went wrong is said in the bar, and the note stays."""
        state = self.state
        if not state.reviewer and state.book is not None:
            self._complain(ASK_NAME)
            self.reviewer.focus()
            return
        following = state.next_unreviewed if self.advance.value else ""
        tags = tuple(dict.fromkeys(filter(None, (tag.strip() for tag in self.tags.value.split(",")))))
        given = (state.reviewer, state.case_id)
        with state.hold_trait_notifications():  # so that panels draw once, and only the case that follows
            try:
                state.give(verdict, note=self.note.value.strip(), tags=tags)
            except WorkbenchError as error:
                self._complain(str(error))
                return
            self._drafts.pop(given, None)
            state.case_id = following or state.case_id

    def go_on(self) -> None:
        """Show the next listed case on which this reader has given no verdict."""
        self.state.case_id = self.state.next_unreviewed or self.state.case_id

    def _name(self, change: Any) -> None:
        """Take the reader's name, and what was typed before it was said."""
        name = change["new"].strip()
        for reviewer, case_id in list(self._drafts):
            if not reviewer:
                self._drafts[name, case_id] = self._drafts.pop((reviewer, case_id))
        self.state.reviewer = name

    def _heard(self, _widget: object, content: Any, _buffers: object) -> None:
        if isinstance(content, dict) and content.get("event") == "submit":
            for act in self._written:
                act()

    def _draft(self, _change: Any) -> None:
        """Remember what is typed, so that a look at another case loses nothing."""
        if not self._filling:
            self._drafts[self.state.reviewer, self.state.case_id] = (self.note.value, self.tags.value)

    def _fill(self, _change: Any = None) -> None:
        """Show what this reader has said of the case, and how far he is."""
        state = self.state
        said = state.verdicts.get((state.reviewer, state.case_id))
        for key, verdict in VERDICT_KEYS.items():
            button, given = self.buttons[verdict], said is not None and said.verdict == verdict
            button.description = f"{verdict.capitalize()} ({key})"
            button.icon, button.button_style = ("check", STYLES[verdict]) if given else ("", "")
            button.disabled = state.book is None or not state.case_id
        kept = (said.note, ", ".join(said.tags)) if said else ("", "")
        self._filling = True
        self.note.value, self.tags.value = self._drafts.get((state.reviewer, state.case_id), kept)
        if self.reviewer.value.strip() != state.reviewer:
            self.reviewer.value = state.reviewer
        self._filling = False
        self.progress.value = _progress(state)
        self.before.value = "" if said is None else _before(said)

    def _complain(self, sentence: str) -> None:
        self.before.value = f'<b role="alert">{escape(sentence)}</b>'


def _progress(state: ExplorerState) -> str:
    if state.book is None:
        return f"<b>{escape(NO_PLACE)}</b>"
    if not state.reviewer:
        return "<span>Please say who you are; then the film takes your verdict.</span>"
    every = len(state.case_ids)
    done = every - len(state.unreviewed)
    return f'<span role="status">{done} of {every} listed cases reviewed</span>'


def _before(said: Review) -> str:
    """Return what the reader said, with its day and whether prediction and map were hidden then."""
    when = f"{said.moment.astimezone():%Y-%m-%d %H:%M}"
    return f"<span>You said <b>{escape(said.verdict)}</b>, {when}{', blind' if said.blind else ''}</span>"
