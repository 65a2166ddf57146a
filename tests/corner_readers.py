"""Films with a flag that goes with the label, and networks of which each reads one corner and nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workbench.core.annotation import annotation_from_mask
from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.core.seeding import derived_generator
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap

HEIGHT, WIDTH, SIZE = 40, 48, 32
FLAG = np.s_[4:10, 36:44]
"""Top right; bright."""
LESION = np.s_[28:36, 4:12]
"""Bottom left; bright too: what a model should read."""


class CornerReader(nn.Module):
    """The more bright pixels lie in a corner of the input, the more abnormal; one logit."""

    def __init__(self, rows: slice, columns: slice) -> None:
        super().__init__()
        looks = torch.zeros(SIZE, SIZE)
        looks[rows, columns] = 1
        self.register_buffer("looks", looks)
        self.copy = nn.Conv2d(1, 1, 1)
        self.bright = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(1, 1)
        with torch.no_grad():
            self.copy.weight.fill_(1)
            self.copy.bias.fill_(-0.6)  # the film itself is darker than this
            self.head.weight.fill_(400)
            self.head.bias.fill_(-2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.pool(self.bright(self.copy(images) * self.looks)).flatten(1))


def reader(rows: slice, columns: slice) -> Classifier:
    recipe = Recipe(size=SIZE, channels=1, normalisation="unit")
    return wrap(CornerReader(rows, columns).eval(), class_names=("normal", "abnormal"), recipe=recipe)


@pytest.fixture(scope="session")
def flag_reader() -> Classifier:
    return reader(slice(0, 12), slice(20, SIZE))


@pytest.fixture(scope="session")
def lesion_reader() -> Classifier:
    return reader(slice(20, SIZE), slice(0, 12))


def masked(where: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[where] = True
    return mask


def drawn(folder: Path, index: int, *, abnormal: bool, flag: bool) -> Case:
    pixels = 0.3 + 0.02 * derived_generator(index).standard_normal((HEIGHT, WIDTH))
    annotations = []
    for category, where, present in (("flag", FLAG, flag), ("evidence", LESION, abnormal)):
        if present:
            pixels[where] = 0.85 + 0.1 * derived_generator(index, category).random()
            annotations.append(annotation_from_mask(category, masked(where)))
    write_png(folder / f"{index}.png", np.clip(pixels, 0, 1).astype(np.float32))
    return Case(
        case_id=f"c{index:02d}",
        patient_id=f"p{index // 2}",
        study_id=f"p{index // 2}",
        image=f"{index}.png",
        width=WIDTH,
        height=HEIGHT,
        label="abnormal" if abnormal else "normal",
        split="confounded" if flag == abnormal else "other",
        body_part=("hand", "wrist", "elbow")[index // 2 % 3],
        annotations=tuple(each for each in annotations if each is not None),
    )


@pytest.fixture(scope="session")
def draw_films(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Manifest]:
    """Return a function that draws 24 films of 12 patients; it says which carry a flag, by index and label."""

    def draw(flagged: Callable[[int, bool], bool]) -> Manifest:
        folder = tmp_path_factory.mktemp("films")
        labels = [bool(index // 2 % 2) for index in range(24)]
        cases = [drawn(folder, i, abnormal=label, flag=flagged(i, label)) for i, label in enumerate(labels)]
        return Manifest("corners", ("normal", "abnormal"), ("abnormal",), folder, tuple(cases))

    return draw


@pytest.fixture(scope="session")
def confounded(draw_films: Callable[..., Manifest]) -> Manifest:
    """Films of which the abnormal ones carry a flag."""
    return draw_films(lambda index, abnormal: abnormal)


@pytest.fixture(scope="session")
def balanced(draw_films: Callable[..., Manifest]) -> Manifest:
    """Films of which every other one carries a flag, whatever it shows."""
    return draw_films(lambda index, abnormal: index % 2 == 0)
