"""A handful of films, one of them truncated, and a small classifier for them."""

import numpy as np
import pytest

from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier
from workbench.models.zoo import build_classifier

COUNT = 7


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Return seven films of different sizes; the fourth, ``c3``, is truncated, and ``c6`` has no label."""
    root = tmp_path_factory.mktemp("films")
    generator = np.random.default_rng(0)
    cases = []
    for index in range(COUNT):
        path = root / f"{index}.png"
        write_png(path, generator.random((40 + 3 * index, 50)).astype(np.float32))
        label = None if index == 6 else ("normal", "abnormal")[index % 2]
        cases.append(Case(f"c{index}", f"p{index}", f"s{index}", path.name, label=label))
    broken = root / "3.png"
    broken.write_bytes(broken.read_bytes()[:100])
    return Manifest("toy", ("normal", "abnormal"), ("abnormal",), root, tuple(cases))


@pytest.fixture
def compact() -> Classifier:
    return build_classifier("compact-densenet", recipe=Recipe(size=64), seed=3)
