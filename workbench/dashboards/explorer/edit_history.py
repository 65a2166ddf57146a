"""What was done to which film and what came of it: in words, as rows of a table, and as CSV."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

from workbench.audit.edits import EDITS, AbstractEdit
from workbench.audit.what_if import WhatIf
from workbench.core.options import option_values
from workbench.core.rows import csv_text
from workbench.plots.theme import signed

WHOLE = "the whole film"
HEAD = ("what was done", "to", "map", "class", "before", "after", "change", "control", "its change")
"""Of the columns of :meth:`EditedOnce.cells`."""


@dataclass(frozen=True)
class EditedOnce:
    """One edit of one film, and the probability of ``class_name`` before and after.

    Parameters
    ----------
    control, control_change
        None where there was no control.
    """

    case_id: str
    edit: str
    options: str
    thing: str
    method: str
    class_name: str
    before: float
    after: float
    change: float
    control: float | None
    control_change: float | None

    def cells(self) -> list[str]:
        """Return what a reader sees of it, under :data:`HEAD`."""
        control = "–" if self.control is None else f"{self.control:.2f}"
        change = "–" if self.control_change is None else change_text(self.control_change)
        done = f"{edit_words(self.edit)} {self.options}".rstrip()
        numbers = [f"{self.before:.2f}", f"{self.after:.2f}", change_text(self.change), control, change]
        return [done, self.thing, self.method, self.class_name, *numbers]


def edited_once(case_id: str, name: str, edit: AbstractEdit, *, thing: str, method: str, seen: WhatIf) -> EditedOnce:
    """Return the line of an edit that was registered as ``name``."""
    options = ", ".join(f"{option}={value}" for option, value in option_values(edit).items())
    control = None if seen.control is None else seen.control.probability
    place, before, after = thing if edit.local else WHOLE, seen.before.probability, seen.after.probability
    return EditedOnce(
        case_id, name, options, place, method, seen.target, before, after, seen.change, control, seen.control_change
    )


def history_csv(history: Iterable[EditedOnce]) -> str:
    """Return lines as CSV, with all their decimals."""
    return csv_text([[each.name for each in fields(EditedOnce)], *map(astuple, history)])


def edit_words(name: str) -> str:
    """Return the name of an edit as a reader sees it; an unknown one is an UnknownNameError."""
    EDITS.get(name)
    return name.replace("-", " ")


def change_words(edit: AbstractEdit, seen: WhatIf) -> str:
    """Return what the model says before and after an edit, and of its control."""
    before, control = seen.before.probability, seen.control
    words = f"p({seen.target}) {before:.2f} → {seen.after.probability:.2f} ({change_text(seen.change)}); "
    if control is not None and seen.control_change is not None:
        return f"{words}control patch {before:.2f} → {control.probability:.2f} ({change_text(seen.control_change)})"
    if not edit.local:
        return f"{words}an edit of the whole film has no control"
    return f"{words}no equal patch elsewhere is clear of what is annotated, so there is no control"


def change_text(value: float) -> str:
    """Return a change with its sign; one that two decimals do not show has none."""
    shown = round(value, 2)
    return signed(shown) if shown else "0.00"
