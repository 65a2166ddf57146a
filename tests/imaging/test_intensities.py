import numpy as np
import pytest
from scipy import ndimage

from workbench.imaging.intensities import blurred, equalised, locally_equalised, rescaled, set_right, sharpened

FILM = np.random.default_rng(0).beta(2, 5, size=(60, 50)).astype(np.float32)


def test_equalisation_is_the_share_of_darker_pixels():
    ranks = (FILM[None] <= FILM.ravel()[:, None, None]).mean(axis=0, dtype=np.float64)
    ranks = np.array([(FILM.ravel() <= value).mean() for value in FILM.ravel()]).reshape(FILM.shape)
    assert np.abs(equalised(FILM) - ranks).max() < 0.02  # 256 bins
    assert np.abs(FILM - ranks).max() > 0.2


def test_rescaling_puts_the_percentiles_at_black_and_white():
    low, high = np.percentile(FILM.astype(np.float64), (2, 98))
    expected = np.clip((FILM.astype(np.float64) - low) / (high - low), 0, 1)
    np.testing.assert_allclose(rescaled(FILM, 2.0), expected, atol=1e-5)


def test_blur_is_the_gaussian():
    expected = ndimage.gaussian_filter(FILM.astype(np.float64), 2.0, mode="nearest")
    np.testing.assert_allclose(blurred(FILM, 2.0), expected, atol=1e-5)


def test_sharpening_adds_what_a_blur_takes_away():
    wide = FILM.astype(np.float64)
    expected = np.clip(wide + 0.7 * (wide - ndimage.gaussian_filter(wide, 1.0, mode="reflect")), 0, 1)
    np.testing.assert_allclose(sharpened(FILM, 0.7), expected, atol=1e-5)


def test_local_equalisation_raises_contrast_where_there_is_little():
    film = np.full((64, 64), 0.2, np.float32)
    film[:, 32:] = 0.8
    film += np.tile(np.float32([0, 0.02]), (64, 32))
    changed = locally_equalised(film, 0.05)
    assert changed[8:24, 4:20].std() > 2 * film[8:24, 4:20].std()


@pytest.mark.parametrize(
    "change",
    [
        equalised,
        set_right,
        lambda film: locally_equalised(film, 0.01),
        lambda film: rescaled(film, 1.0),
        lambda film: sharpened(film, 2.0),
        lambda film: blurred(film, 1.0),
    ],
)
@pytest.mark.parametrize("film", [FILM, np.full((20, 20), 0.5, np.float32), np.zeros((1, 5), np.float32)])
def test_what_comes_out_is_a_film_and_what_went_in_is_untouched(change, film):
    kept = film.copy()
    changed = change(film)
    assert changed.dtype == np.float32
    assert changed.shape == film.shape
    assert 0 <= changed.min() <= changed.max() <= 1
    np.testing.assert_array_equal(film, kept)
