"""The same picture found again, and different pictures of one kind told apart."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from workbench.core.seeding import derived_generator
from workbench.imaging.fingerprints import ALIKE, NearPair, fingerprint, near_duplicates
from workbench.imaging.pixels import read_radiograph


def film(name: object, height: int = 200, width: int = 160) -> np.ndarray:
    """A picture of its own: soft shapes with fine texture on a body that all of them share."""
    generator = derived_generator("film", name)
    rows, columns = np.mgrid[:height, :width]
    body = np.exp(-((columns - width / 2) ** 2) / (2 * (width / 6) ** 2)) * (0.7 + 0.3 * rows / height)
    own = sum(gaussian_filter(generator.normal(size=(height, width)), blur) * blur for blur in (2, 4, 8))
    return np.clip(0.1 + 0.5 * body + 0.15 * own, 0, 1).astype(np.float32)


def coded(pixels: np.ndarray, quality: int) -> np.ndarray:
    content = io.BytesIO()
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(content), dtype=np.float32) / np.float32(255)


def resized(pixels: np.ndarray, share: float) -> np.ndarray:
    size = (round(pixels.shape[1] * share), round(pixels.shape[0] * share))
    return np.clip(np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)), 0, 1)


def cropped(pixels: np.ndarray, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    height, width = pixels.shape
    rows, columns = (
        slice(int(top * height), int((1 - bottom) * height)),
        slice(int(left * width), int((1 - right) * width)),
    )
    return np.ascontiguousarray(pixels[rows, columns])


def flagged(pixels: np.ndarray) -> np.ndarray:
    changed = pixels.copy()
    changed[10:28, 10:28] = 0
    changed[12:26, 14:18] = 1
    return changed


VARIANTS = {
    "JPEG quality 60": lambda pixels: coded(pixels, 60),
    "smaller": lambda pixels: resized(pixels, 0.7),
    "larger": lambda pixels: resized(pixels, 1.5),
    "brighter and flatter": lambda pixels: (0.2 + 0.6 * pixels).astype(np.float32),
    "gamma": lambda pixels: (pixels**1.5).astype(np.float32),
    "2 % off each side": lambda pixels: cropped(pixels, 0.02, 0.02, 0.02, 0.02),
    "4 % off two sides": lambda pixels: cropped(pixels, 0.04, 0, 0, 0.04),
    "a flag": flagged,
    "all at once": lambda pixels: coded((0.1 + 0.8 * resized(flagged(cropped(pixels, 0.03, 0.01, 0, 0)), 0.8)), 70),
}


def thumbnails(*films: np.ndarray) -> np.ndarray:
    return np.stack([fingerprint(each).thumbnail for each in films])


def test_pixels_are_told_apart_by_one_level_and_by_shape():
    one = film(1)
    other = one.copy()
    other[3, 4] = other[3, 4] / 2
    digests = [fingerprint(each).pixels_sha256 for each in (one, one.copy(), other, one.reshape(160, 200))]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_thumbnail_spans_all_levels_whatever_the_exposure():
    dark = fingerprint(film(1) * np.float32(0.05)).thumbnail
    assert (dark.dtype, dark.shape, dark.min(), dark.max()) == (np.uint8, (64, 64), 0, 255)
    assert np.abs(dark.astype(int) - fingerprint(film(1)).thumbnail).max() <= 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_picture_is_found_among_others(variant):
    others = [film(index) for index in range(2, 12)]
    pairs = near_duplicates(thumbnails(film(1), *others, VARIANTS[variant](film(1))))
    assert [(pair.first, pair.second, pair.mirrored) for pair in pairs] == [(0, 11, False)]
    assert ALIKE <= pairs[0].similarity <= 1 + 1e-6


def test_a_mirrored_picture_is_found_and_said_to_be_mirrored():
    (pair,) = near_duplicates(thumbnails(film(1), film(2), np.ascontiguousarray(film(1)[:, ::-1])))
    assert (pair.first, pair.second, pair.mirrored) == (0, 2, True)


def test_different_pictures_of_one_kind_are_no_pairs():
    assert near_duplicates(thumbnails(*map(film, range(60)))) == []


def test_the_order_of_other_films_changes_nothing():
    films = thumbnails(film(1), film(2), coded(film(1), 60), film(3))
    (pair,) = near_duplicates(films)
    (turned,) = near_duplicates(films[::-1])
    assert (turned.first, turned.second) == (1, 3)
    assert turned.similarity == pytest.approx(pair.similarity, abs=0.01)


def test_many_copies_hang_together():
    copies = [coded(film(1), quality) for quality in range(60, 90)]
    pairs = near_duplicates(thumbnails(*copies))
    assert {index for pair in pairs for index in (pair.first, pair.second)} == set(range(30))
    assert all(pair.first < pair.second for pair in pairs)


def test_empty_films_and_none_at_all():
    empty = [np.full((50, 40), level, dtype=np.float32) for level in (0, 0.5, 0.5)]
    assert near_duplicates(thumbnails(*empty)) == []
    assert near_duplicates(np.zeros((0, 64, 64), dtype=np.uint8)) == []


def test_a_higher_bar_finds_no_more():
    films = thumbnails(film(1), VARIANTS["all at once"](film(1)))
    (pair,) = near_duplicates(films)
    assert near_duplicates(films, alike=pair.similarity + 0.01) == []
    assert isinstance(pair, NearPair)


def test_real_radiographs_of_one_pose_are_told_apart(shared_data):
    """Films of arms on one table: three pictures stored twice, cut or shifted, and others that look much alike."""
    folder = shared_data / "FracAtlas-subset" / "images"
    numbers = (2848, 4206, 2647, 4071, 2746, 4117, 1934, 3765, 2104, 3068, 1365, 1364, 3845, 3960, 1978, 3070)
    paths = [next(folder.rglob(f"IMG{number:07d}.jpg")) for number in numbers]
    pairs = near_duplicates(thumbnails(*(read_radiograph(path).pixels for path in paths)))
    assert [(numbers[pair.first], numbers[pair.second]) for pair in pairs] == [(2848, 4206), (2647, 4071), (2746, 4117)]
