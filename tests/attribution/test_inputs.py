"""Inputs: whatever is accepted means the same film; whatever is not is one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.small_networks import modules_only
from workbench.attribution.inputs import as_films, input_batches
from workbench.core.case import Case
from workbench.core.errors import OptionError, ReaderError
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap

GREY = np.random.default_rng(0).integers(0, 256, (30, 40)).astype(np.uint8)
FILM = (GREY / 255).astype(np.float32)


@pytest.fixture
def classifier() -> Classifier:
    return wrap(modules_only(), class_names=("normal", "abnormal"), recipe=Recipe(size=32))


@pytest.fixture
def png(tmp_path: Path) -> Path:
    write_png(tmp_path / "film.png", FILM)
    return tmp_path / "film.png"


def batches_of(classifier: Classifier, films: Any, **more: Any) -> Any:
    return input_batches(classifier, as_films(films), **more)


COLOUR = np.repeat(GREY[None], 3, axis=0)
SAME = {
    "floats (h, w)": FILM,
    "float64": FILM.astype(np.float64),
    "uint8 (h, w)": GREY,
    "uint16": GREY.astype(np.uint16) * 257,
    "(n, h, w)": FILM[None],
    "(n, 1, h, w)": GREY[None, None],
    "(n, 3, h, w)": COLOUR[None],
    "a list of arrays": [GREY],
    "a tuple of arrays": (FILM,),
    "a PIL image": Image.fromarray(GREY),
    "a list of PIL images": [Image.fromarray(GREY).convert("RGB")],
}


@pytest.mark.parametrize("kind", SAME)
def test_every_kind_of_picture_means_the_same_film(classifier: Classifier, kind: str) -> None:
    (batch,) = batches_of(classifier, SAME[kind], batch_size=4)
    assert batch.film_ids == ("film-0",)
    assert batch.film_sizes.tolist() == [[30, 40]]
    torch.testing.assert_close(batch.images[0], classifier.recipe.prepare(FILM)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [str, Path, lambda path: [path], lambda path: (str(path),)])
def test_paths_mean_their_films(classifier: Classifier, png: Path, kind: Any) -> None:
    (batch,) = batches_of(classifier, kind(png), batch_size=4)
    assert batch.film_ids == (str(png),)
    assert batch.labels.tolist() == [-1]
    torch.testing.assert_close(batch.images[0], classifier.recipe.prepare(FILM)[0])


def test_a_manifest_brings_ids_and_labels(classifier: Classifier, png: Path) -> None:
    cases = (Case("a", "p", "s", png.name, label="abnormal"), Case("b", "p", "s", png.name))
    manifest = Manifest("toy", ("normal", "abnormal"), ("abnormal",), png.parent, cases)
    (batch,) = batches_of(classifier, manifest, batch_size=4)
    assert batch.film_ids == ("a", "b")
    assert batch.labels.tolist() == [1, -1]


def test_a_tensor_is_taken_as_it_is(classifier: Classifier) -> None:
    images = torch.rand(5, 3, 20, 28, generator=torch.Generator().manual_seed(0))
    batches = list(batches_of(classifier, images, batch_size=2))
    assert [len(batch.film_ids) for batch in batches] == [2, 2, 1]
    assert torch.equal(torch.cat([batch.images for batch in batches]), images)
    assert [each for batch in batches for each in batch.film_ids] == [f"film-{index}" for index in range(5)]
    assert (batches[0].to_film == np.eye(3)).all()
    assert batches[0].film_sizes.tolist() == [[20, 28]] * 2


def test_colour_becomes_grey_by_luma(classifier: Classifier) -> None:
    red, green, blue = (np.stack([np.eye(3)[c][:, None, None] * np.ones((3, 8, 8))])[0] for c in range(3))
    for colour, weight in zip((red, green, blue), (0.299, 0.587, 0.114), strict=True):
        np.testing.assert_allclose(as_films([colour])[0].read(), weight, rtol=1e-6)


@pytest.mark.parametrize(
    ("film", "message"),
    [
        (np.full((8, 8), 2.0), "values from 2 to 2; wanted 0 to 1 or unsigned integers"),
        (np.full((8, 8), -0.1), "values from -0.1 to -0.1"),
        (np.full((8, 8), np.nan), "values from nan to nan"),
        (np.full((8, 8), 255), "values from 255 to 255"),
        (np.zeros((8, 8, 3)), r"an array of shape \(8, 8, 3\); wanted \(h, w\), \(1, h, w\) or \(3, h, w\)"),
        (np.zeros((2, 8, 8)), r"an array of shape \(2, 8, 8\)"),
        (np.zeros((0, 8)), r"an array of shape \(0, 8\)"),
        (np.zeros(8), r"an array of shape \(8,\)"),
    ],
)
def test_a_film_that_is_none_is_skipped_with_its_reason(classifier: Classifier, film: np.ndarray, message: str) -> None:
    (batch,) = batches_of(classifier, [film, FILM], batch_size=4)
    assert batch.film_ids == ("film-1",)
    (skipped,) = batch.skipped
    assert skipped.what == "film-0"
    with pytest.raises(ReaderError, match=message):
        as_films([film])[0].read()


@pytest.mark.parametrize("nothing", [None, 5, [1, 2], {"a": FILM}, ["film.png", FILM], object()])
def test_what_is_no_film_at_all_is_refused(classifier: Classifier, nothing: Any) -> None:
    with pytest.raises(ReaderError, match=r"cannot explain a .+; give a Manifest, paths"):
        batches_of(classifier, nothing, batch_size=4)


def test_wrong_tensors_and_batch_sizes_are_refused(classifier: Classifier) -> None:
    with pytest.raises(ReaderError, match=r"a tensor of float32 of shape \(3, 8, 8\); wanted floats \(n, 3, h, w\)"):
        list(batches_of(classifier, torch.zeros(3, 8, 8), batch_size=4))
    for films in (FILM, torch.zeros(1, 3, 8, 8)):
        with pytest.raises(OptionError, match="batch_size: 0 is below 1"):
            batches_of(classifier, films, batch_size=0)
