import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2.functional import normalize

from workbench.core.errors import OptionError
from workbench.core.geometry import resample
from workbench.imaging.placing import rotated
from workbench.imaging.recipes import Recipe, recipe_from_json

RECIPES = {
    "stretch": Recipe(size=96),
    "pad": Recipe(size=96, fit="pad"),
    "flip": Recipe(size=96, flip=True),
    "rotation": Recipe(size=96, rotation_deg=17.0),
    "rotation the other way": Recipe(size=96, rotation_deg=-40.0),
    "pad, flip, rotation": Recipe(size=96, fit="pad", flip=True, rotation_deg=17.0),
    "upside down": Recipe(size=96, flip_vertical=True),
    "half a turn and more": Recipe(size=96, rotation_deg=215.0),
    "cover": Recipe(size=96, fit="cover"),
    "centre crop": Recipe(size=96, fit="pad", resize=110),
    "frame": Recipe(size=96, crop_frame=True),
    "all together": Recipe(
        size=96,
        fit="pad",
        resize=104,
        crop_frame=True,
        flip=True,
        flip_vertical=True,
        rotation_deg=17.0,
        blur_px=0.8,
    ),
    "odd size": Recipe(size=95, fit="pad", flip=True, rotation_deg=-8.0),
}
FILMS = [(150, 90), (90, 150), (128, 128), (61, 200), (40, 30)]
"""Height and width: upright, lying, square, narrow, smaller than the input."""


def spot(height: int, width: int, y: float, x: float, sigma: float) -> np.ndarray:
    """Return a film with one bright spot whose centre lies at (x, y) in film coordinates."""
    rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width) + 0.5
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)).astype(np.float32)


def centre(picture: np.ndarray) -> tuple[float, float]:
    """Return the centre of mass (x, y), pixel centres on halves."""
    mass = picture.astype(np.float64)
    x = (mass.sum(axis=0) * (np.arange(picture.shape[1]) + 0.5)).sum() / mass.sum()
    y = (mass.sum(axis=1) * (np.arange(picture.shape[0]) + 0.5)).sum() / mass.sum()
    return x, y


@pytest.mark.parametrize("film_size", FILMS, ids=str)
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
@settings(deadline=None, max_examples=8)
@given(st.floats(0.3, 0.7), st.floats(0.3, 0.7))
def test_a_spot_on_the_film_is_found_again_from_the_input(recipe, film_size, down, right):
    """Of the inner part, so that no rotation pushes the spot over the edge, where its centre would move."""
    height, width = film_size
    reach = [min(film_size) if recipe.fit == "cover" else side for side in film_size]
    y, x = height / 2 + (down - 0.5) * reach[0], width / 2 + (right - 0.5) * reach[1]
    pixels = spot(height, width, y, x, sigma=(min if recipe.fit == "cover" else max)(film_size) / 32)
    placed, to_film = recipe.place(pixels)
    assert placed.shape == (recipe.size, recipe.size)
    found_x, found_y, one = to_film @ (*centre(placed), 1.0)
    assert one == 1.0
    assert abs(found_x - x) < 1
    assert abs(found_y - y) < 1


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_the_input_drawn_back_on_the_film_is_the_film(recipe):
    """The whole way of a map: what the network saw lies over what the film shows, pixel by pixel."""
    height, width = 60, 44
    rows, columns = np.mgrid[0:height, 0:width] / 10
    pixels = (0.5 + 0.25 * np.sin(rows) + 0.2 * np.cos(columns + rows)).astype(np.float32)
    placed, to_film = recipe.place(pixels)
    back = resample(placed, to_film, (height, width))
    inner = np.s_[height // 4 : -height // 4, width // 4 : -width // 4]
    assert np.abs(back - pixels)[inner].max() < 0.02
    turned = np.abs(back[::-1] - pixels)[inner].max()
    assert turned > 0.2  # so the film is one whose place and side can be told


def test_nothing_is_ever_upside_down_and_only_a_flip_changes_sides():
    pixels = spot(90, 60, 15, 10, sigma=4)  # at the top, on the left
    for name, recipe in RECIPES.items():
        x, y = centre(recipe.place(pixels)[0])
        if name == "half a turn and more":
            continue
        assert (y > recipe.size / 2) == recipe.flip_vertical, name
        assert (x > recipe.size / 2) == recipe.flip, name


def test_rotation_is_counter_clockwise():
    right = spot(96, 96, 48, 80, sigma=3)  # at three o'clock
    x, y = centre(Recipe(size=96, rotation_deg=30.0).place(right)[0])
    assert (x, y) == pytest.approx((48 + 32 * np.cos(np.pi / 6), 48 - 32 * np.sin(np.pi / 6)), abs=0.5)


def test_stretch_fills_the_square_and_pad_keeps_the_shape():
    film = np.ones((100, 50), dtype=np.float32)
    stretched, _ = Recipe(size=64).place(film)
    padded, to_film = Recipe(size=64, fit="pad").place(film)
    np.testing.assert_allclose(stretched, 1, atol=1e-6)
    np.testing.assert_allclose(padded[:, 16:48], 1, atol=1e-6)
    assert not padded[:, :16].any()
    assert not padded[:, 48:].any()
    assert (to_film @ (16, 0, 1)).tolist() == [0, 0, 1]
    assert (to_film @ (48, 64, 1)).tolist() == [50, 100, 1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_films_of_any_shape_are_placed(shape):
    for recipe in RECIPES.values():
        placed, to_film = recipe.place(np.full(shape, 0.5, dtype=np.float32))
        assert placed.shape == (recipe.size, recipe.size)
        assert placed.dtype == np.float32
        assert np.isfinite(to_film).all()
        assert 0.4 < placed.max() < 0.500001 or recipe.blur_px  # of a speck that is one pixel wide little remains


def test_values_stay_in_range_and_the_callers_film_as_it_is():
    film = np.linspace(-1, 2, 32 * 32, dtype=np.float32).reshape(32, 32)
    kept = film.copy()
    film.flags.writeable = False  # as a picture that is mapped from disk
    placed, _ = Recipe(size=32).place(film)
    np.testing.assert_array_equal(film, kept)
    assert (placed.min(), placed.max()) == (0, 1)
    assert not np.shares_memory(placed, film)
    np.testing.assert_array_equal(Recipe(size=32).place(film[::-1])[0], placed[::-1])


def test_imagenet_normalisation_is_torchvisions():
    placed = torch.rand(3, 20, 20)
    theirs = normalize(placed[:, None].expand(-1, 3, -1, -1), mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    torch.testing.assert_close(Recipe(size=20).normalise(placed), theirs, rtol=0, atol=1e-6)


def test_other_normalisations():
    placed = torch.rand(2, 20, 20)
    single = Recipe(size=20, channels=1, normalisation="unit").normalise(placed)
    torch.testing.assert_close(single, placed[:, None], rtol=0, atol=0)
    centred = Recipe(size=20, normalisation="centred").normalise(placed)
    torch.testing.assert_close(centred, ((placed - 0.5) / 0.25)[:, None].expand(-1, 3, -1, -1))


def test_prepare_is_place_and_normalise():
    recipe, film = RECIPES["pad, flip, rotation"], spot(60, 40, 20, 20, sigma=5)
    image, to_film = recipe.prepare(film)
    placed, same_affine = recipe.place(film)
    torch.testing.assert_close(image, recipe.normalise(torch.from_numpy(placed)[None])[0], rtol=0, atol=0)
    np.testing.assert_array_equal(to_film, same_affine)


def test_caffe_is_bgr_means_of_0_to_255():
    placed = torch.rand(2, 20, 20)
    means = torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    theirs = placed[:, None].expand(-1, 3, -1, -1) * 255 - means
    torch.testing.assert_close(Recipe(size=20, normalisation="caffe").normalise(placed), theirs, rtol=1e-5, atol=1e-3)


def test_a_measured_normalisation_stands_in_the_recipe():
    recipe = Recipe(size=20, normalisation="data-set", mean=0.2, deviation=0.1)
    placed = torch.rand(2, 20, 20)
    torch.testing.assert_close(recipe.normalise(placed), ((placed - 0.2) / 0.1)[:, None].expand(-1, 3, -1, -1))


def test_recipes_stored_before_there_were_more_options_still_load():
    old = {"size": 64, "fit": "pad", "channels": 3, "normalisation": "centred", "flip": True, "rotation_deg": 7.5}
    recipe = recipe_from_json(old)
    assert recipe == Recipe(size=64, fit="pad", normalisation="centred", flip=True, rotation_deg=7.5)
    assert {name: recipe.to_json()[name] for name in old} == old


def test_the_first_half_knows_nothing_of_normalisation():
    assert Recipe().placing == Recipe(normalisation="caffe", channels=1, mean=0.1, deviation=0.3).placing
    assert Recipe().placing != Recipe(blur_px=1.0).placing


def test_a_frame_that_is_cropped_away_leaves_the_film_where_it_was():
    film = spot(120, 100, 66, 52, sigma=5) * 0.8 + 0.1
    film[:12] = film[-9:] = 1.0
    film[:, :10] = film[:, -14:] = 1.0
    placed, to_film = Recipe(size=96, crop_frame=True).place(film)
    assert placed.min() < 0.2
    assert placed.max() < 0.95
    row, column = np.unravel_index(placed.argmax(), placed.shape)
    assert (to_film @ (column + 0.5, row + 0.5, 1))[:2] == pytest.approx((52, 66), abs=1)


def test_a_film_is_set_right_and_a_right_one_left_alone():
    film = np.clip(spot(120, 100, 60, 50, sigma=12), 0.05, 1)
    recipe = Recipe(size=96, set_right=True)
    np.testing.assert_allclose(recipe.place(1 - film)[0], recipe.place(film)[0], atol=1e-6)


@pytest.mark.parametrize("histogram", ["equalise", "clahe", "rescale"])
def test_histograms_change_values_and_no_place(histogram):
    film = spot(120, 100, 60, 50, sigma=20) * 0.5
    placed, to_film = Recipe(size=96, histogram=histogram).place(film)
    plain, same = Recipe(size=96).place(film)
    np.testing.assert_array_equal(to_film, same)
    assert np.abs(placed - plain).max() > 0.1


def test_a_batch_is_normalised_as_its_films_one_by_one():
    placed = torch.rand(3, 20, 20)
    recipe = Recipe(size=20, normalisation="caffe")
    single = torch.cat([recipe.normalise(each[None]) for each in placed])
    assert torch.equal(recipe.normalise(placed), single)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
def test_recipes_come_back_from_json(recipe):
    assert recipe_from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    "values",
    [{"siz": 32}, {"size": 8}, {"fit": "crop"}, {"normalisation": "mura"}, {"resize": 99}, {"rotation_deg": 400.0}],
)
def test_recipes_that_do_not_exist_are_refused(values):
    with pytest.raises(OptionError):
        recipe_from_json(values)


def test_corners_that_come_into_view_are_black():
    assert rotated(torch.ones(1, 32, 32), 45.0)[0, 0, 0] == 0
