"""A data set that is learnt in seconds, and a small network to learn it."""

import numpy as np
import pytest

from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier
from workbench.models.zoo import build_classifier

SIDE = 32


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Return 32 films to train and 15 to validate; the abnormal ones are bright in the middle. One is truncated."""
    root = tmp_path_factory.mktemp("films")
    generator = np.random.default_rng(0)
    cases = []
    for index in range(48):
        pixels = generator.normal(0.4, 0.1, (SIDE, SIDE)).clip(0, 1).astype(np.float32)
        if index % 2:
            pixels[12:20, 12:20] = 1.0
        write_png(root / f"{index}.png", pixels)
        label = "abnormal" if index % 2 else "normal"
        split = "train" if index < 32 else "valid"
        cases.append(Case(f"c{index}", f"p{index}", f"s{index}", f"{index}.png", label=label, split=split))
    last = root / "47.png"
    last.write_bytes(last.read_bytes()[:80])
    return Manifest("toy", ("normal", "abnormal"), ("abnormal",), root, tuple(cases))


@pytest.fixture
def classifier() -> Classifier:
    """Return an untrained compact DenseNet for films of 32 px."""
    return build_classifier("compact-densenet", recipe=Recipe(size=SIDE, normalisation="centred"), seed=1)
