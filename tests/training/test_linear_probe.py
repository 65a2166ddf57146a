"""A probe on frozen features learns what the features hold."""

from pathlib import Path

import numpy as np

from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.evaluation.metrics import METRICS
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.zoo import build_classifier
from workbench.training.linear_probe import probe_predictions

CLASSES = ("normal", "abnormal")


def films(root: Path, split: str, count: int, *, telling: bool) -> Manifest:
    generator = np.random.default_rng(len(split))
    cases = []
    for index in range(count):
        pixels = generator.random((32, 32), dtype=np.float32) * 0.5
        if telling and index % 2:
            pixels[8:24, 8:24] += 0.5
        name = f"{split}-{index}"
        write_png(root / f"{name}.png", pixels)
        cases.append(Case(name, f"patient-{name}", name, f"{name}.png", label=CLASSES[index % 2], split=split))
    return Manifest("squares", CLASSES, CLASSES[1:], root, tuple(cases))


def auroc(tmp_path: Path, *, telling: bool) -> float:
    classifier = build_classifier("compact-densenet", recipe=Recipe(size=32))
    training, test = (films(tmp_path, split, 40, telling=telling) for split in ("training", "test"))
    predictions = probe_predictions(classifier, training, test)
    assert predictions.case_ids == tuple(case.case_id for case in test)
    return float(METRICS.get("auroc")(predictions.truth, predictions.abnormal))


def test_what_films_show_is_found_on_films_not_seen(tmp_path: Path) -> None:
    assert auroc(tmp_path, telling=True) > 0.95


def test_where_films_show_nothing_nothing_is_found(tmp_path: Path) -> None:
    assert 0.2 < auroc(tmp_path, telling=False) < 0.8
