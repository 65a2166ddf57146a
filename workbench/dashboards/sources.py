"""From a run to what the dashboards look at: its model, its films, what it predicted, and where verdicts go."""

from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from workbench.audit.scorecard import load_scorecard
from workbench.audit.suspicion import read_suspicions
from workbench.core.errors import ManifestError, RunError
from workbench.core.manifest import Manifest, read_manifest
from workbench.core.predictions import Predictions, load_predictions
from workbench.models.checkpoints import load_classifier
from workbench.models.classifier import Classifier
from workbench.runs.locations import find_run
from workbench.runs.run import REVIEWS_FOLDER, Run

MODEL_KINDS = ("train", "adopt")
"""Runs whose folder holds a model."""
STORED = "predictions-*.csv"
"""Where an evaluation leaves what the model said of a split."""


@dataclass(frozen=True)
class Source:
    """A model and the films it is looked at with.

    Parameters
    ----------
    name
        Of the model, for readers.
    predictions
        Of these films or some of them; None where nothing is stored.
    reviews
        Folder for verdicts, beside the run's artefacts; None without a run.
    suspicion
        By case id; empty unless the run has covered something.
    """

    name: str
    classifier: Classifier
    manifest: Manifest
    predictions: Predictions | None = None
    reviews: Path | None = None
    suspicion: dict[str, float] = field(default_factory=dict)


def run_source(
    run: str | Path | Run, manifest: Manifest | None = None, *, root: str | Path | None = None, split: str = ""
) -> Source:
    """Return what a run was about.

    Parameters
    ----------
    run
        A training or an evaluation run: itself, its id, unique beginning, folder, or ``latest:evaluate``.
    manifest
        Films to look at instead of the run's own.
    root
        Folder of the run's films; without it ``$WORKBENCH_DATA/NAME``, else ``data/NAME``.
    split
        Only these films; a comma joins several. Empty takes those with stored predictions, else all.

    Returns
    -------
    Source
        An evaluation brings its predictions, and suspicion where it has covered something.

    Raises
    ------
    RunError
        There is no such run, or it is neither a training nor an evaluation.
    ModelError, ManifestError, ReaderError
        Model, films or predictions are gone or damaged.
    """
    found = run if isinstance(run, Run) else find_run(run)
    if found.kind == "evaluate":
        card = load_scorecard(found.folder)
        name, model, stored = card.model, found.folder.parent / card.run, _stored(found.folder)
    elif found.kind in MODEL_KINDS:
        name, model, stored = str(found.parameters.get("name") or found.id), found.folder, None
    else:
        raise RunError(f"{found.id} is a {found.kind} run; name a training or an evaluation, such as latest:evaluate")
    films = manifest or _films(found, root)
    splits = [each.strip() for each in split.split(",") if each.strip()]
    chosen = films.split(*splits) if splits else films
    if stored is not None:
        here = {case.case_id for case in chosen}
        stored = stored.select(case_id for case_id in stored.case_ids if case_id in here)
        chosen = chosen if splits else chosen.select(stored.case_ids)
    suspicion = read_suspicions(found.folder)
    return Source(name, load_classifier(model), chosen, stored, found.folder / REVIEWS_FOLDER, suspicion)


def _films(run: Run, root: str | Path | None) -> Manifest:
    path = run.parameters.get("manifest")
    if not path:
        raise ManifestError(f"{run.id} does not say on which films it ran; give a manifest")
    return read_manifest(path, root or run.parameters.get("root") or None)


def _stored(folder: Path) -> Predictions | None:
    """Return the predictions of all splits of an evaluation, joined; the linear probe's are another model's."""
    found = [load_predictions(path) for path in sorted(folder.glob(STORED)) if path.stem != "predictions-probe"]
    return reduce(Predictions.joined, found) if found else None
