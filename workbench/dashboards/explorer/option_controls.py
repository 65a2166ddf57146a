"""Controls made of declared options: a slider for what has bounds, a choice for what has choices."""

from typing import Any

import ipywidgets as widgets

from workbench.core.options import Option, options_of

STYLE = {"description_width": "initial"}


class OptionControls:
    """One control for each option that a dataclass declares.

    Parameters
    ----------
    owner
        The dataclass.
    """

    def __init__(self, owner: type) -> None:
        self.controls = {each.name: option_control(each) for each in options_of(owner)}
        self.widget = widgets.HBox(list(self.controls.values()), layout={"flex_flow": "row wrap"})

    @property
    def values(self) -> dict[str, Any]:
        """What the reader has set, by the options' names."""
        return {name: control.value for name, control in self.controls.items()}


def option_control(about: Option) -> Any:
    """Return the control of one option, at its default; numbers outside the bounds cannot be set."""
    words = about.name.removesuffix("_deg").removesuffix("_px").replace("_", " ") + about.unit.rstrip()
    shared = {"value": about.default, "description": words, "tooltip": about.help, "style": STYLE}
    if about.choices:
        return widgets.Dropdown(options=about.choices, layout={"width": "max-content"}, **shared)
    if isinstance(about.default, bool):
        return widgets.Checkbox(indent=False, **shared)
    if isinstance(about.default, str):
        return widgets.Text(**shared)
    whole = isinstance(about.default, int)
    if about.low is None or about.high is None:
        return (widgets.IntText if whole else widgets.FloatText)(**shared)
    bounds = {"min": about.low, "max": about.high, "continuous_update": False}
    if whole:
        return widgets.IntSlider(**bounds, **shared)
    return widgets.FloatSlider(**bounds, step=_step(about.high - about.low), readout_format=".3g", **shared)


def _step(span: float) -> float:
    """Return a hundredth of a span, or the nearest round number below."""
    return 1.0 if span >= 100 else 0.1 if span >= 10 else 0.01 if span >= 1 else span / 100
