from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.core.case import Case
from workbench.core.errors import ReaderError
from workbench.core.manifest import Manifest
from workbench.imaging.films import film_batches, manifest_films, path_films
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe

RECIPE = Recipe(size=32, fit="pad", channels=1, normalisation="unit")


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Five cases of rising brightness and different sizes: the second file is no picture, the fourth is absent."""
    cases = []
    for index in range(5):
        name, height, width = f"{index}.png", 40 + index, 30
        if index not in (1, 3):
            write_png(tmp_path / name, np.full((height, width), 0.2 * index, dtype=np.float32))
        label = [None, "normal", "abnormal"][index % 3]
        cases.append(Case(f"c{index}", "p", "s", name, width=width, height=height, label=label))
    (tmp_path / "1.png").write_text("no picture")
    return Manifest("set", ("normal", "abnormal"), ("abnormal",), tmp_path, tuple(cases))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 10])
def test_found_is_used_and_skipped_whatever_the_batch(manifest, batch_size):
    batches = list(film_batches(manifest_films(manifest), RECIPE, batch_size=batch_size))
    assert [film_id for batch in batches for film_id in batch.film_ids] == ["c0", "c2", "c4"]
    skipped = [each for batch in batches for each in batch.skipped]
    assert [each.what for each in skipped] == ["c1", "c3"]
    assert all("\n" not in str(each) for each in skipped)
    assert torch.cat([batch.labels for batch in batches]).tolist() == [-1, 1, 0]
    sizes = np.concatenate([batch.film_sizes for batch in batches])
    assert sizes.tolist() == [[40, 30], [42, 30], [44, 30]]
    images = torch.cat([batch.images for batch in batches])
    assert images.shape == (3, 1, 32, 32)
    np.testing.assert_allclose(images[:, 0, 16, 16], [0, 0.4, 0.8], atol=0.01)
    for batch in batches:
        assert len(batch.to_film) == len(batch.film_ids) == len(batch.images)


def test_each_film_keeps_its_own_way_back(manifest):
    (batch,) = film_batches(manifest_films(manifest), RECIPE, batch_size=10)
    for to_film, (height, width) in zip(batch.to_film, batch.film_sizes, strict=True):
        assert (to_film @ (16, 16, 1))[:2] == pytest.approx((width / 2, height / 2), abs=1)  # pads of whole pixels


def test_no_film_gives_no_batch():
    assert list(film_batches([], RECIPE, batch_size=4)) == []


def test_edits_see_the_case_and_change_what_the_network_sees(manifest):
    seen = []

    def blacken(case: Case, pixels: np.ndarray) -> np.ndarray:
        seen.append(case.case_id)
        return np.zeros_like(pixels)

    (batch,) = film_batches(manifest_films(manifest, blacken), RECIPE, batch_size=10)
    assert seen == ["c0", "c2", "c4"]
    assert not batch.images.any()


def test_a_film_of_another_size_than_the_manifest_says_is_skipped(manifest, tmp_path):
    """Its boxes and masks would lie elsewhere; an edit by them would cover the wrong place."""
    write_png(tmp_path / "2.png", np.zeros((30, 42), dtype=np.float32))
    (batch,) = film_batches(manifest_films(manifest, lambda case, pixels: pixels), RECIPE, batch_size=10)
    assert batch.film_ids == ("c0", "c4")
    assert str(batch.skipped[1]) == "c2: is 42 x 30 pixels, set says 30 x 42"


def test_an_unknown_size_is_no_contradiction(manifest):
    unknown = manifest.where(Case("c2", "p", "s", "2.png") for _ in range(1))
    (batch,) = film_batches(manifest_films(unknown), RECIPE, batch_size=10)
    assert batch.film_ids == ("c2",)


def test_a_path_that_leaves_the_root_is_skipped(manifest):
    outside = manifest.where([Case("c9", "p", "s", "../9.png"), manifest[0]])
    (batch,) = film_batches(manifest_films(outside), RECIPE, batch_size=10)
    assert batch.film_ids == ("c0",)
    assert "leaves its folder" in batch.skipped[0].reason


def test_films_by_path_carry_their_path_and_no_label(manifest, tmp_path):
    films = path_films([tmp_path / "0.png", str(tmp_path / "1.png")])
    (batch,) = film_batches(films, RECIPE, batch_size=10)
    assert batch.film_ids == (str(tmp_path / "0.png"),)
    assert batch.labels.tolist() == [-1]
    assert batch.skipped[0].what == str(tmp_path / "1.png")
    assert str(batch.skipped[0]).count(str(tmp_path / "1.png")) == 1
    with pytest.raises(ReaderError):
        films[1].read()
