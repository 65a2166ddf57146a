"""A whole project small enough for a browser test: 24 films, a model that reads the flag, its evaluation as a run."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tests.corner_readers import drawn
from workbench.audit.scorecard import Scorecard, ScoredFilms, score_films
from workbench.core.manifest import Manifest, write_manifest
from workbench.imaging.recipes import Recipe
from workbench.models.checkpoints import save_classifier
from workbench.models.classifier import Classifier
from workbench.models.features import pooled_features
from workbench.models.zoo import build_classifier
from workbench.runs import Run, RunStore, read_run

NAME = "corners"
SIZE = 64
SURENESS = 2.5
"""How far the logits of films with a flag lie from zero."""


@dataclass(frozen=True)
class TinyProject:
    """What was made."""

    folder: Path
    films: Manifest
    scored: ScoredFilms
    trained: Run
    evaluated: Run


def make_tiny_project(folder: Path) -> TinyProject:
    """Draw films of which every other one has a flag, whatever it shows, and evaluate a model that reads the flag."""
    films = _films(folder)
    classifier = _flag_reader(films)
    store = RunStore(folder / "runs")
    parameters = {"manifest": str(folder / "data_manifests" / f"{NAME}.csv"), "root": str(films.root)}
    with store.create("train", {**parameters, "name": "reads the flag"}) as work:
        save_classifier(classifier, work.folder)
        trained = work.folder
    scored = score_films(classifier, films, "confounded,other")
    with store.create("evaluate", {**parameters, "run": str(trained)}) as work:
        scored.save(work.folder)
        Scorecard("reads the flag", trained.name, {scored.name: scored.evaluation}).save(work.folder)
        evaluated = work.folder
    return TinyProject(folder, films, scored, read_run(trained), read_run(evaluated))


def _films(folder: Path) -> Manifest:
    root = folder / "data" / NAME
    root.mkdir(parents=True)
    cases = tuple(drawn(root, index, abnormal=bool(index // 2 % 2), flag=index % 2 == 0) for index in range(24))
    films = Manifest(NAME, ("normal", "abnormal"), ("abnormal",), root, cases)
    write_manifest(films, folder / "data_manifests" / f"{NAME}.csv")
    return films


def _flag_reader(films: Manifest) -> Classifier:
    """Return a network of random features with a head fitted to the flag: least squares, no training."""
    recipe = Recipe(size=SIZE)
    classifier = build_classifier("compact-densenet", head="sigmoid", recipe=recipe, seed=3)
    features, seen, _ = pooled_features(classifier, films)
    wanted = np.array([SURENESS if case.has("flag") else -SURENESS for case in seen])
    centred = features - features.mean(axis=0)
    weights = np.linalg.lstsq(centred, wanted, rcond=1e-3)[0]
    head = classifier.module.classifier
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weights)[None])
        head.bias.fill_(float(-features.mean(axis=0) @ weights))
    return classifier
