"""Long work on the listed films: classify them, rank those with a flag by suspicion, put them in a plane."""

from typing import Any

import ipywidgets as widgets
import numpy as np

from workbench.core.errors import ModelError
from workbench.core.progress import Progress
from workbench.dashboards.background import Background
from workbench.dashboards.explorer.state import ExplorerState
from workbench.dashboards.session import BATCH
from workbench.evaluation.embedding import LEAST, embedding

MOST_EMBEDDED = 2000
"""More films take minutes, and hide one another."""
CATEGORY, METHOD = "flag", "grad-cam"
"""What is covered, and whose share on it counts; another method only where the model refuses this one."""


class RankingPanel:
    """Buttons that are there while there is something for them to do.

    Parameters
    ----------
    state
        Of the explorer.
    """

    def __init__(self, state: ExplorerState) -> None:
        self.state = state
        width = {"width": "max-content"}
        self.classify = widgets.Button(icon="play", layout=width)
        about = f"share of the map on the {CATEGORY} times the change in probability when it is covered"
        self.rank = widgets.Button(icon="sort-amount-desc", tooltip=about, layout=width)
        likeness = "t-SNE of what the network sees of each film: alike ones lie together"
        self.embed = widgets.Button(icon="braille", tooltip=likeness, layout=width)
        self.background = Background()
        buttons = [self.classify, self.rank, self.embed, self.background.widget]
        self.widget = widgets.HBox(buttons, layout={"flex_flow": "row wrap"})
        self.classify.on_click(lambda _button: self._classify())
        self.rank.on_click(lambda _button: self._rank())
        self.embed.on_click(lambda _button: self._embed())
        state.observe(self._draw, ["filters", "order", "revision", "blind"])
        self._draw()

    @property
    def unclassified(self) -> tuple[str, ...]:
        """The listed films of which nothing is predicted."""
        known = self.state.session.predictions
        said = set(known.case_ids) if known is not None else set()
        return tuple(case_id for case_id in self.state.case_ids if case_id not in said)

    @property
    def carrying(self) -> tuple[str, ...]:
        """The listed films with an annotated flag."""
        return tuple(case_id for case_id in self.state.case_ids if self.state.session.case(case_id).has(CATEGORY))

    def _draw(self, _change: Any = None) -> None:
        unclassified, carrying = len(self.unclassified), len(self.carrying)
        self.classify.description = f"Classify {unclassified} listed films"
        self.classify.layout.display = None if unclassified else "none"
        self.rank.description = f"Rank by suspicion ({carrying} with a {CATEGORY})"
        self.rank.layout.display = None if carrying and not self.state.blind else "none"

        embedded = min(len(self.state.case_ids), MOST_EMBEDDED)
        self.embed.description = f"Embed {embedded} listed films"
        self.embed.layout.display = None if embedded >= LEAST and not self.state.blind else "none"

    def _classify(self) -> None:
        state, wanted = self.state, self.unclassified
        if not wanted:
            return

        def done(_found: Any) -> None:
            state.know()
            unread = sorted(set(wanted) & set(self.unclassified))
            if unread:
                raise ModelError(f"{len(unread)} of {len(wanted)} films could not be read, {unread[0]} for one")

        def work(progress: Progress) -> Any:
            return state.session.predict(wanted, progress=progress)

        self.background.start(work, done, words="films classified", cut_short=state.know)

    def _rank(self) -> None:
        state, wanted = self.state, self.carrying
        found: dict[str, float] = {}
        method = state.method if state.session.methods().get(METHOD) else METHOD

        def work(progress: Progress) -> None:
            for start in range(0, len(wanted), BATCH):
                part = wanted[start : start + BATCH]
                found.update(state.session.suspicions(part, category=CATEGORY, method=method))
                progress(start + len(part), len(wanted))

        def show(_done: None = None) -> None:
            state.know(found)
            if found and not state.blind:
                state.order = "suspicion"

        self.background.start(work, show, words="films with a flag covered", cut_short=show)

    def _embed(self) -> None:
        state, wanted = self.state, self.state.case_ids[:MOST_EMBEDDED]

        def work(progress: Progress) -> dict[str, tuple[float, float]]:
            found: dict[str, np.ndarray] = {}
            for start in range(0, len(wanted), BATCH):
                found |= state.session.features(wanted[start : start + BATCH])
                progress(min(start + BATCH, len(wanted)), len(wanted))
            plane = embedding(np.stack(list(found.values())).astype(np.float64))
            return {case_id: (float(x), float(y)) for case_id, (x, y) in zip(found, plane, strict=True)}

        self.background.start(work, lambda places: state.know(places=places), words="films embedded")
