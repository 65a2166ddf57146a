from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.core.case import Case
from workbench.core.errors import ManifestError, OptionError, UnknownNameError
from workbench.core.manifest import Manifest
from workbench.imaging.named_recipes import RECIPES, measured_recipe, named_recipe
from workbench.imaging.pixels import read_radiograph, write_png
from workbench.imaging.recipes import Recipe, recipe_from_json


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_takes_a_film_and_comes_back_from_json(name):
    film = np.random.default_rng(0).random((90, 70), dtype=np.float32)
    image, to_film = RECIPES[name].prepare(film)
    assert image.shape == (3, RECIPES[name].size, RECIPES[name].size)
    assert torch.isfinite(image).all()
    middle = RECIPES[name].size / 2
    assert (to_film @ (middle, middle, 1))[:2] == pytest.approx((35, 45), abs=0.5)
    assert recipe_from_json(RECIPES[name].to_json()) == RECIPES[name]


def test_ra_cnn_pads_to_512_and_cuts_448():
    placed, to_film = RECIPES["ra-cnn"].place(np.ones((512, 512), dtype=np.float32))
    assert placed.min() > 0.999
    assert (to_film @ (0, 0, 1)).tolist() == [32, 32, 1]


def test_options_may_be_changed_and_empty_ones_change_nothing():
    assert named_recipe("asu", size=128, fit="", crop_frame=None) == Recipe(size=128, histogram="equalise")
    assert named_recipe("default") == Recipe()


def test_wrong_names_are_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'murad'"):
        named_recipe("mura")
    with pytest.raises(OptionError, match="did you mean 'size'"):
        named_recipe("asu", siz=3)


def test_a_normalisation_is_measured_over_all_placed_pixels(tmp_path: Path):
    generator, cases = np.random.default_rng(0), []
    for index in range(3):
        write_png(tmp_path / f"{index}.png", generator.random((40, 24 + 8 * index), dtype=np.float32) * 0.5)
        cases.append(Case(f"c{index}", f"p{index}", f"s{index}", f"{index}.png"))
    (tmp_path / "2.png").write_bytes(b"")
    manifest = Manifest("toy", ("normal", "abnormal"), ("abnormal",), tmp_path, tuple(cases))
    recipe = Recipe(size=32, fit="pad")
    placed = np.stack([recipe.place(read_radiograph(tmp_path / f"{i}.png").pixels)[0] for i in (0, 1)]).astype(float)
    measured = measured_recipe(recipe, manifest)
    assert (measured.mean, measured.deviation) == pytest.approx((placed.mean(), placed.std()))
    images = measured.normalise(torch.from_numpy(placed.astype(np.float32)))
    assert images.mean().item() == pytest.approx(0, abs=1e-4)
    assert images.std(correction=0).item() == pytest.approx(1, abs=1e-4)
    with pytest.raises(ManifestError, match="none of 1 films"):
        measured_recipe(recipe, manifest[2:])
