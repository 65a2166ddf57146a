"""The demo: two models that do well on films like their own, of which one reads the flag; each step is a run."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.audit.scorecard import Scorecard, load_scorecard
from workbench.batch.parameters import complete_parameters, notebook_folder
from workbench.batch.run_notebook import find_run, kind_of, run_notebook
from workbench.core.files import project_root, write_text
from workbench.core.options import check_options, option
from workbench.core.progress import Progress
from workbench.data.phantoms.set_options import SETS, PhantomSetOptions
from workbench.data.phantoms.sets import draw_phantom_set
from workbench.reports.page import index_page
from workbench.runs import Run, RunStore

SET = "phantom-demo"
OWN, OTHER = "test-confounded", "test-balanced"
MODELS = {"confounded": "A: flag goes with the label", "balanced": "B: flag at random"}
"""Kind of training films -> name of the model for readers."""
EPOCH_LINE = re.compile(r"epoch (\d+) of (\d+):")

Step = Callable[[str], Progress]
"""Opens a bar with this title and returns what moves it."""


@dataclass(frozen=True)
class DemoOptions:
    """How large the demo is; smaller numbers change the figures, never the steps."""

    films: int = option(1200, "films to train on", low=20)
    test_films: int = option(420, "films to test on", low=20)
    epochs: int = option(8, "epochs of each model", low=1)
    cases: int = option(6, "cases that the reports show", low=1, high=50)
    seed: int = option(20, "of films, weights and order", low=0)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class DemoResult:
    """What the demo made.

    Parameters
    ----------
    cards
        One scorecard a model.
    runs
        Every run in order, those found again included.
    index
        A page that links to every report.
    """

    cards: tuple[Scorecard, ...]
    runs: tuple[Run, ...]
    index: Path
    seconds: float


@dataclass
class _Batch:
    """Runs notebooks, finds those that were run before, and resumes those that were interrupted."""

    store: RunStore
    notebooks: Path
    step: Step
    runs: list[Run] = field(default_factory=list)

    def run(self, notebook: str, title: str, parameters: dict[str, Any]) -> Run:
        path = self.notebooks / notebook
        progress = self.step(title)
        found = find_run(path, parameters, store=self.store)
        if found is None:
            trains = notebook.startswith("30_train")
            echo, cells = (_epochs(progress), None) if trains else (None, _cells(progress))
            resume = self._interrupted(path, parameters)
            found = run_notebook(
                path, parameters, store=self.store, title=title, echo=echo, progress=cells, resume=resume
            )
        progress(1, 1)
        self.runs.append(found)
        return found

    def _interrupted(self, notebook: Path, parameters: dict[str, Any]) -> Run | None:
        kind, complete = kind_of(notebook), complete_parameters(notebook, parameters)
        stopped = [run for run in self.store.list() if run.kind == kind and run.status in ("interrupted", "lost")]
        return next((run for run in reversed(stopped) if run.parameters == complete), None)


def _epochs(progress: Progress) -> Callable[[str], None]:
    """Return what turns the printed lines of a training into progress; the report comes after the last epoch."""

    def read(text: str) -> None:
        for done, total in EPOCH_LINE.findall(text):
            progress(int(done), int(total) + 1)

    return read


def run_demo(root: Path | None = None, options: DemoOptions | None = None, *, step: Step) -> DemoResult:
    """Draw films, train two models, evaluate, explain and compare them; what is there already is not done again.

    Parameters
    ----------
    root
        The project: films go to ``data/``, the manifest to ``data_manifests/``, runs and reports to ``runs/``.
    options
        How large.
    step
        Called with the title of each step; returns what moves its bar.

    Returns
    -------
    DemoResult
        Scorecards and runs; each run's folder holds ``report.html``.
    """
    started = time.monotonic()
    root, options = root or project_root(), options or DemoOptions()
    manifest = _draw(root, options, step)
    batch = _Batch(RunStore(root / "runs"), notebook_folder(), step)
    trained = {
        kind: batch.run("30_train.ipynb", f"Train {name}", _training(manifest, kind, options))
        for kind, name in MODELS.items()
    }
    evaluated = []
    for kind, name in MODELS.items():
        about = {"run": str(trained[kind].folder), "manifest": str(manifest)}
        evaluation = {"split": OWN, "other_split": OTHER, "cover": "flag"}
        evaluated.append(batch.run("40_evaluate.ipynb", f"Evaluate {name}", about | evaluation))
        chosen = {"split": OTHER, "choose": "any", "category": "flag", "count": options.cases, "cover": "flag"}
        batch.run("50_explain.ipynb", f"Explain {name}", about | chosen)
    compared = {"runs": [str(run.folder) for run in evaluated], "manifest": str(manifest), "cover": "flag"}
    batch.run("60_compare.ipynb", "Compare the two", compared)
    cards = tuple(load_scorecard(run.folder) for run in evaluated)
    index = root / "runs" / "index.html"
    write_text(index, index_page(batch.store.list(), index.parent, title="Reports of the workbench"))
    return DemoResult(cards, tuple(batch.runs), index, time.monotonic() - started)


def _draw(root: Path, options: DemoOptions, step: Step) -> Path:
    manifest = root / "data_manifests" / f"{SET}.csv"
    draw_phantom_set(_set_options(options), root / "data" / SET, manifest, progress=step("Draw phantoms"))
    return manifest


def _set_options(options: DemoOptions) -> PhantomSetOptions:
    standard = SETS[SET]
    valid = max(1, round(standard.valid * options.films / standard.train))
    return replace(standard, train=options.films, valid=valid, test=options.test_films, seed=options.seed)


def _training(manifest: Path, kind: str, options: DemoOptions) -> dict[str, Any]:
    return {
        "manifest": str(manifest),
        "name": MODELS[kind],
        "train_split": f"train-{kind}",
        "valid_split": f"valid-{kind}",
        "epochs": options.epochs,
        "seed": options.seed,
    }


def _cells(progress: Progress) -> Callable[[int, int, str], None]:
    return lambda done, total, _line: progress(done, total + 1)
