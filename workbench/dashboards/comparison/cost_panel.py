"""What each model costs: its weights, its training, and the time for one film on this machine."""

from collections.abc import Mapping
from statistics import median
from typing import Any

import ipywidgets as widgets
import pandas as pd
import torch

from workbench.core.errors import WorkbenchError
from workbench.core.progress import Progress
from workbench.dashboards.background import Background
from workbench.dashboards.comparison.parts import quiet_html, table_html, warning_html
from workbench.dashboards.comparison.state import ComparisonState

NOT_KNOWN = "–"
ROUNDS, REPEATS = 5, 3
"""Models take turns in rounds, so that other work on the machine slows down all of them alike."""
MEASURED = (
    f"Measured: median of {ROUNDS * REPEATS} passes of one prepared film through the network, {ROUNDS} rounds of "
    f"{REPEATS} with one more to warm up, models in turn; reading and preparing the film is not counted."
)


class CostPanel:
    """Parameters, training time, and milliseconds for a film, measured on demand.

    Parameters
    ----------
    state
        Of the comparison.
    """

    def __init__(self, state: ComparisonState) -> None:
        self.state = state
        self.times_ms: dict[str, tuple[float, ...]] = {}
        self.work = Background()
        self.measure = widgets.Button(description="Measure ms for a film", icon="clock-o", layout={"width": "200px"})
        self.measure.on_click(lambda _button: self.start())
        self.table, self.said = widgets.HTML(), widgets.HTML()
        parts = [self.table, widgets.HTML(quiet_html(MEASURED)), self.measure, self.work.widget, self.said]
        self.widget = widgets.VBox(parts)
        self._draw()

    def start(self) -> None:
        """Measure in the background, one model after the other; one that fails is named."""
        models = dict(self.state.compared.models)
        case_id = self.state.case_id or next((case.case_id for case in self.state.compared.films), "")
        if not case_id:
            self.said.value = warning_html("There is no film to measure with.")
            return

        def work(progress: Progress) -> tuple[dict[str, tuple[float, ...]], dict[str, str]]:
            times: dict[str, tuple[float, ...]] = {}
            lost: dict[str, str] = {}
            for done in range(1, ROUNDS + 1):
                for name, model in models.items():
                    try:
                        times[name] = times.get(name, ()) + model.session.forward_times_ms(case_id, repeats=REPEATS)
                    except WorkbenchError as error:
                        lost[name] = str(error)
                progress(done, ROUNDS)
            return times, lost

        self.work.start(work, self._take, words="measuring models")

    def _take(self, found: tuple[dict[str, tuple[float, ...]], dict[str, str]]) -> None:
        self.times_ms, lost = found
        self.said.value = "".join(warning_html(f"{name}: {reason}") for name, reason in lost.items())
        self._draw()

    def frame(self) -> pd.DataFrame:
        """Return the table as texts, a column for each model."""
        models = self.state.compared.models
        return pd.DataFrame({name: _cost(model, self.times_ms.get(name, ())) for name, model in models.items()})

    def _draw(self) -> None:
        self.table.value = table_html(self.frame())


def _cost(model: Any, times_ms: tuple[float, ...]) -> Mapping[str, str]:
    classifier = model.session.classifier
    recipe = classifier.recipe
    trained = NOT_KNOWN if model.training_s is None else _duration(model.training_s)
    count = torch.get_num_threads()
    threads = f", {count} thread{'s' * (count > 1)}" if classifier.device.type == "cpu" else ""
    spread = f"{median(times_ms):.1f} ({min(times_ms):.1f} to {max(times_ms):.1f})" if times_ms else "not measured"
    return {
        "architecture": classifier.architecture,
        "parameters": f"{classifier.parameter_count:,}".replace(",", " "),
        "input": f"{recipe.channels} × {recipe.size} × {recipe.size}",
        "training time": trained,
        "ms for a film, median (range)": spread,
        "measured on": f"{classifier.device}{threads}",
        "run": model.run or NOT_KNOWN,
    }


def _duration(seconds: float) -> str:
    """Return a time in the two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
