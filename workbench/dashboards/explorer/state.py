"""What the case explorer shows at the moment; panels change it and watch it, and no panel knows another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd
import traitlets

from workbench.core.case import Case
from workbench.core.errors import Skipped, WorkbenchError
from workbench.dashboards.explorer.worklist import ORDERS, Filters, ordered, worklist
from workbench.dashboards.session import CaseSession
from workbench.runs.reviews import Review, ReviewBook

NEIGHBOURS = (1, 2, -1)
"""Cases, counted from the one that is shown, whose maps are made in the background."""


class ExplorerState(traitlets.HasTraits):
    """Which case, map, filters and reader the explorer is at.

    Parameters
    ----------
    session
        The model and its films.
    book
        Where verdicts go; None keeps none.
    suspicion
        By case id, as :func:`workbench.dashboards.explorer.worklist.worklist` takes it.
    """

    case_id = traitlets.Unicode("")
    """The film that is shown; empty where no case passes the filters."""
    method = traitlets.Unicode("grad-cam")
    target = traitlets.Unicode("predicted")
    layer = traitlets.Unicode("")
    filters = traitlets.Instance(Filters, args=())
    order = traitlets.Enum(tuple(ORDERS), "probability")
    reviewer = traitlets.Unicode("")
    blind = traitlets.Bool(False)
    """Whether prediction and map stay hidden until the reviewer has given a verdict."""
    message = traitlets.Unicode("")
    """What went wrong, in a sentence; empty while nothing does."""
    tab = traitlets.Unicode("")
    """Title of the panel that is open below the film."""
    revision = traitlets.Int(0)
    """Counts changes of predictions, suspicion and verdicts: whoever shows them looks again."""
    frame: pd.DataFrame
    """The whole worklist; with columns x and y once an embedding is known."""
    rows: pd.DataFrame
    """Those of its rows that pass the filters, in order; blind, what the model says is left out and orders nothing."""
    case_ids: tuple[str, ...]
    """Their ids."""

    def __init__(
        self, session: CaseSession, book: ReviewBook | None = None, *, suspicion: Mapping[str, float] | None = None
    ) -> None:
        super().__init__()
        self.session = session
        self.book = book
        self.suspicion = dict(suspicion or {})
        self.places: dict[str, tuple[float, float]] = {}
        self.verdicts: dict[tuple[str, str], Review] = {}
        self.unread: tuple[Skipped, ...] = ()
        self.observe(self._tell, ["reviewer", "blind"])
        self.observe(self._list, ["filters", "order", "revision"])
        self.read_verdicts()

    @property
    def case(self) -> Case | None:
        """The case that is shown."""
        return self.session.case(self.case_id) if self.case_id else None

    @property
    def revealed(self) -> bool:
        """Whether prediction and map of the case may be shown."""
        return self.is_revealed(self.case_id)

    def is_revealed(self, case_id: str) -> bool:
        """Say whether prediction and map of a case may be shown."""
        return not self.blind or (self.reviewer, case_id) in self.verdicts

    @property
    def unreviewed(self) -> tuple[str, ...]:
        """The listed cases on which the reviewer has given no verdict."""
        return tuple(case_id for case_id in self.case_ids if (self.reviewer, case_id) not in self.verdicts)

    @property
    def next_unreviewed(self) -> str:
        """The next of them after the case that is shown, from the list's end on to its beginning; empty without one."""
        ids = self.case_ids
        start = ids.index(self.case_id) + 1 if self.case_id in ids else 0
        waiting = set(self.unreviewed) - {self.case_id}
        return next((case_id for case_id in (*ids[start:], *ids[:start]) if case_id in waiting), "")

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) case of the list; at its ends nothing happens."""
        ids = self.case_ids
        if self.case_id not in ids:
            self.case_id = ids[0] if ids else ""
            return
        place = ids.index(self.case_id) + by
        if 0 <= place < len(ids):
            self.case_id = ids[place]

    def prefetch(self) -> None:
        """Make the maps of the neighbours in the background."""
        ids = self.case_ids
        if self.case_id in ids:
            places = [ids.index(self.case_id) + by for by in NEIGHBOURS]
            near = [ids[place] for place in places if 0 <= place < len(ids)]
            self.session.prefetch(near, self.method, target=self.target, layer=self.layer)

    def give(self, verdict: str, *, note: str = "", tags: tuple[str, ...] = ()) -> None:
        """Write the reviewer's verdict on the case that is shown; a WorkbenchError where one cannot be kept."""
        if self.book is None or not self.case_id:
            raise WorkbenchError("there is no case, or no run, that a verdict could be kept with")
        about = {
            "manifest": self.session.manifest.name,
            "weights_sha256": str(self.session.classifier.provenance.get("weights_sha256", "")),
        }
        review = Review(self.case_id, verdict, self.reviewer, note, tags, blind=not self.revealed, **about)
        self.book.append(review)
        self.verdicts[review.reviewer, review.case_id] = review
        self._tell()

    def read_verdicts(self) -> None:
        """Read what all readers have said so far, also those who work elsewhere at the same time."""
        if self.book is not None:
            reviews, self.unread = self.book.read()
            self.verdicts = {(review.reviewer, review.case_id): review for review in reviews}
        self._tell()

    def know(
        self,
        suspicion: Mapping[str, float] | None = None,
        *,
        places: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        """Take in new predictions of the session, suspicions by case id, and places of cases in an embedding."""
        self.suspicion |= suspicion or {}
        self.places = dict(places) if places is not None else self.places
        self._tell()

    @contextmanager
    def saying(self) -> Iterator[None]:
        """Turn an error of ours into :attr:`message`, so that the rest of the dashboard stays usable."""
        try:
            yield
        except WorkbenchError as error:
            self.message = str(error)
        else:
            self.message = ""

    def _tell(self, _change: Any = None) -> None:
        self.frame = worklist(
            self.session.manifest,
            self.session.predictions,
            reviews={} if self.blind and not self.reviewer else self.verdicts,
            reviewer=self.reviewer,
            suspicion=self.suspicion,
        )
        if self.places:
            nowhere = (float("nan"), float("nan"))
            self.frame[["x", "y"]] = [self.places.get(case_id, nowhere) for case_id in self.frame["case_id"]]
        self.revision += 1

    def _list(self, _change: Any) -> None:
        """List the rows that pass, and stay at the case while it is among them, else go to the first."""
        passing = (self.filters.blinded() if self.blind else self.filters).apply(self.frame)
        self.rows = passing.drop(columns=list(SAID), errors="ignore") if self.blind else ordered(passing, self.order)
        self.case_ids = tuple(self.rows["case_id"])
        if self.case_id not in self.case_ids:
            self.case_id = self.case_ids[0] if self.case_ids else ""


SAID = ("probability", "prediction", "outcome", "suspicion", "x", "y")
"""Columns of the worklist that give away what the model says."""
