"""What the model comparison shows at the moment; panels change it and watch it, and no panel knows another."""

from typing import Any

import pandas as pd
import traitlets

from workbench.core.case import Case
from workbench.core.errors import WorkbenchError
from workbench.core.explanation import Explanation
from workbench.core.progress import Progress
from workbench.dashboards.background import Background
from workbench.dashboards.comparison.compared import ComparedModels
from workbench.dashboards.comparison.disagreement_list import COLUMNS, DisagreementFilters, disagreement_frame
from workbench.dashboards.comparison.numbers import ComparisonNumbers, comparison_numbers
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Resampling
from workbench.evaluation.units import IMAGE, UNITS


class ComparisonState(traitlets.HasTraits):
    """Which films, unit, case, map and filters the comparison is at.

    Parameters
    ----------
    compared
        The models and their films.
    resampling
        Of patients, for every interval.
    """

    split = traitlets.Unicode("")
    """Which films; empty is all."""
    unit = traitlets.Enum(UNITS, IMAGE)
    """What the metrics and the tests count."""
    numbers = traitlets.Instance(ComparisonNumbers, allow_none=True)
    """None while they are computed."""
    filters = traitlets.Instance(DisagreementFilters, args=())
    case_id = traitlets.Unicode("")
    """The film that is shown; empty where none is listed."""
    method = traitlets.Unicode("grad-cam")
    target = traitlets.Unicode("predicted")
    shared_scale = traitlets.Bool(True)
    """Whether the maps of all models lie on one scale, or each on its own."""
    subtracted = traitlets.Enum(("scaled", "raw"), "scaled")
    message = traitlets.Unicode("")
    """What went wrong, in a sentence; empty while nothing does."""
    listed = traitlets.Int(0)
    """Counts changes of the list."""
    frame: pd.DataFrame
    """Every film that all models have classified, those first on which they are furthest apart."""
    rows: pd.DataFrame
    """Those of them that pass the filters."""

    def __init__(self, compared: ComparedModels, *, resampling: Resampling = DEFAULT_RESAMPLING) -> None:
        super().__init__()
        self.compared = compared
        self.resampling = resampling
        self.work = Background()
        positive = compared.films.positive
        self.target = positive[0] if positive else "predicted"  # one question to all: what speaks for abnormal?
        self.method = next(iter(self.methods()), "grad-cam")
        self.frame = self.rows = pd.DataFrame(columns=list(COLUMNS))
        self.observe(self._list, ["filters"])
        self.observe(self.compute, ["split", "unit"])
        if compared.splits:
            self.split = compared.splits[0]
        else:
            self.compute()

    @property
    def names(self) -> tuple[str, ...]:
        """The models."""
        return tuple(self.compared.models)

    @property
    def case(self) -> Case | None:
        """The film that is shown."""
        if not self.case_id:
            return None
        return next(iter(self.compared.models.values())).session.case(self.case_id)

    def methods(self) -> tuple[str, ...]:
        """Return the methods that at least one model does not refuse; Grad-CAM first where it is one."""
        found = [each.session.methods() for each in self.compared.models.values()]
        usable = [name for name in found[0] if any(not refusals[name] for refusals in found)]
        return tuple(sorted(usable, key=lambda name: name != "grad-cam"))

    def explanation(self, model: str, case_id: str) -> Explanation:
        """Return one model's map of a film by the method and for the class that are chosen; may raise."""
        session = self.compared.models[model].session
        return session.explanation(case_id, self.method, target=self.target)

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) film of the list; at its ends nothing happens."""
        ids = list(self.rows["case_id"])
        if self.case_id not in ids:
            self.case_id = ids[0] if ids else ""
            return
        place = ids.index(self.case_id) + by
        if 0 <= place < len(ids):
            self.case_id = ids[place]

    def compute(self, _change: Any = None) -> None:
        """Compute the numbers of the chosen films in the background; panels hear of it by :attr:`numbers`."""
        split, unit = self.split, self.unit
        self.numbers = None

        def work(_progress: Progress) -> ComparisonNumbers:
            return self._computed(split, unit)

        self.work.start(work, self._take, words="computing intervals")

    def classify(self) -> None:
        """Let the models classify the films of the split that they have not seen; a film that fails is passed over.

        Stopped half-way, what is classified stays.
        """
        waiting = self.compared.waiting(self.split)
        total = sum(map(len, waiting.values()))

        def work(progress: Progress) -> str:
            before, failed = 0, []
            for name, ids in waiting.items():
                failed += _classify(self, name, ids, before=before, total=total, progress=progress)
                before += len(ids)
            return "" if not failed else f"{len(failed)} films could not be classified; first: {failed[0]}"

        def done(message: str) -> None:
            self.message = message
            self.compute()

        self.work.start(work, done, words="classifying films", cut_short=self.compute)

    def close(self) -> None:
        """End all background work."""
        self.work.stop()
        self.compared.close()

    def _computed(self, split: str, unit: str) -> ComparisonNumbers:
        known = {name: model.card.learned for name, model in self.compared.models.items() if model.card}
        said, films = self.compared.said(split), self.compared.films
        return comparison_numbers(said, films, unit=unit, learned=known, resampling=self.resampling)

    def _take(self, numbers: ComparisonNumbers) -> None:
        try:
            self.frame = disagreement_frame(numbers.said, self.compared.films)
        except WorkbenchError:  # the numbers say why there is nothing to list
            self.frame = pd.DataFrame(columns=list(COLUMNS))
        self.numbers = numbers
        self._list()

    def _list(self, _change: Any = None) -> None:
        """List the films that pass, and stay at the case while it is among them, else go to the first."""
        self.rows = self.filters.apply(self.frame)
        ids = list(self.rows["case_id"])
        self.listed += 1
        if self.case_id not in ids:
            self.case_id = ids[0] if ids else ""


BATCH = 16


def _classify(
    state: ComparisonState, name: str, ids: list[str], *, before: int, total: int, progress: Progress
) -> list[str]:
    """Classify films batch by batch and return what went wrong; a batch of which no film can be read is passed over."""
    session, failed = state.compared.models[name].session, []
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        try:
            found = session.predict(part)
            failed += [f"{each} by {name}" for each in part if each not in found.case_ids]
        except WorkbenchError as error:
            failed += [f"{each} by {name} ({error})" for each in part]
        progress(before + start + len(part), total)
    return failed
