import numpy as np
import pytest
import torch
from torch import nn

from workbench.audit.edits import EDITS, Blur, Cover, Crop, Inpaint
from workbench.audit.what_if import what_if
from workbench.core.annotation import Annotation
from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import wrap

CASE = Case("c", "p", "s", "c.png", width=32, height=32, annotations=(Annotation("flag", (2, 2, 8, 8)),))


@pytest.fixture
def flag_reader():
    """A network that says abnormal by the brightness of the film alone."""
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network[0].weight.fill_(1.0)
        network[4].weight[1].fill_(30.0)
        network[4].bias[1].fill_(-3.5)
    recipe = Recipe(size=32, channels=1, normalisation="unit")
    return wrap(network, class_names=["normal", "abnormal"], recipe=recipe)


@pytest.fixture
def film():
    pixels = np.full((32, 32), 0.1, dtype=np.float32)
    pixels[2:8, 2:8] = 1.0
    return pixels


@pytest.mark.parametrize("name", ["cover", "inpaint", "blur"])
def test_a_local_edit_changes_its_region_alone(name, film):
    region = np.zeros(film.shape, dtype=bool)
    region[1:9, 1:9] = True
    before = film.copy()
    edited = EDITS.make(name).apply(film, region)
    np.testing.assert_array_equal(film, before)
    np.testing.assert_array_equal(edited.pixels[~region], film[~region])
    assert edited.pixels[2:8, 2:8].mean() < film[2:8, 2:8].mean()
    np.testing.assert_array_equal(edited.to_film, np.eye(3))


def test_inpainting_continues_a_slope_that_covering_does_not():
    slope = np.tile(np.linspace(0, 1, 40, dtype=np.float32), (40, 1))
    region = np.zeros(slope.shape, dtype=bool)
    region[10:30, 10:30] = True
    assert np.abs(Inpaint().apply(slope, region).pixels - slope).max() < 0.02
    assert np.abs(Cover().apply(slope, region).pixels - slope).max() > 0.2


def test_a_crop_knows_where_it_lay(film):
    region = np.zeros(film.shape, dtype=bool)
    region[2:8, 4:8] = True
    cropped = Crop(margin=0.5).apply(film, region)
    assert cropped.pixels.shape == (11, 8)  # three rows below, two columns either side; above the film ends
    np.testing.assert_array_equal(cropped.to_film @ [0, 0, 1], [2, 0, 1])
    np.testing.assert_array_equal(cropped.pixels, film[0:11, 2:10])


def test_covering_what_the_model_reads_changes_it_and_the_control_does_not(flag_reader, film):
    seen = what_if(flag_reader, CASE, film, Cover(), CASE.mask("flag"), target="abnormal")
    assert seen.change < -0.1
    assert seen.control_change == pytest.approx(0.0, abs=1e-6)
    assert seen.control_region is not None
    assert not (seen.control_region & CASE.mask("flag")).any()
    assert seen.before.film_map.shape == film.shape
    assert seen.after.film.pixels[4, 4] == pytest.approx(0.1)


def test_the_class_is_the_same_in_every_look(flag_reader, film):
    normal = what_if(flag_reader, CASE, film, Cover(), CASE.mask("flag"), target="normal")
    assert normal.target == "normal"
    assert normal.change > 0.1


def test_a_map_of_a_cropped_film_has_its_size(flag_reader, film):
    seen = what_if(flag_reader, CASE, film, Crop(), CASE.mask("flag"), target="abnormal")
    assert seen.after.film_map.shape == seen.after.film.pixels.shape == (6, 6)
    assert seen.control is not None
    assert seen.control.film.pixels.shape == (6, 6)


@pytest.mark.parametrize("region", [None, np.zeros((32, 32), dtype=bool)])
def test_a_local_edit_without_a_region_is_refused(flag_reader, film, region):
    with pytest.raises(OptionError, match="draw a box"):
        what_if(flag_reader, CASE, film, Blur(), region, target="abnormal")


def test_a_method_without_maps_is_refused(flag_reader, film):
    with pytest.raises(OptionError, match="no map"):
        what_if(flag_reader, CASE, film, Cover(), CASE.mask("flag"), target="abnormal", method="activations")


def test_too_much_to_inpaint_is_refused():
    with pytest.raises(OptionError, match="use cover"):
        Inpaint().apply(np.zeros((300, 300), dtype=np.float32), np.ones((300, 300), dtype=bool))
