import numpy as np
import torch

from workbench.core.seeding import derived_generator
from workbench.imaging.augmentation import Augmentation


def spot_at_three_o_clock() -> np.ndarray:
    rows, columns = np.mgrid[0:64, 0:64] + 0.5
    return np.exp(-((rows - 32) ** 2 + (columns - 56) ** 2) / 8).astype(np.float32)


def centre(picture: np.ndarray) -> tuple[float, float]:
    """Return the centre of mass (x, y), pixel centres on halves."""
    mass = picture.astype(np.float64)
    x = (mass.sum(axis=0) * (np.arange(picture.shape[1]) + 0.5)).sum() / mass.sum()
    y = (mass.sum(axis=1) * (np.arange(picture.shape[0]) + 0.5)).sum() / mass.sum()
    return x, y


def test_augmentation_depends_on_its_generator_alone():
    films = torch.rand(3, 24, 24)
    augmentation = Augmentation()
    one, two, other = (
        [augmentation.apply(film, derived_generator(seed, index)) for index, film in enumerate(films)]
        for seed in (1, 1, 2)
    )
    torch.manual_seed(99)  # torch's own generator decides nothing
    for first, again, another in zip(one, two, other, strict=True):
        torch.testing.assert_close(first, again, rtol=0, atol=0)
        assert not torch.equal(first, another)


def test_augmentation_leaves_the_film_itself_alone():
    film = torch.rand(24, 24)
    kept = film.clone()
    for seed in range(6):
        Augmentation().apply(film, np.random.default_rng(seed))
    assert torch.equal(film, kept)


def test_augmentation_that_may_do_nothing_does_nothing():
    film = torch.rand(24, 24)
    still = Augmentation(flip=False, rotation_deg=0.0)
    assert torch.equal(still.apply(film, np.random.default_rng(0)), film)


def test_half_of_the_films_are_turned_over_where_that_is_wanted():
    film = torch.rand(16, 16)
    generator, augmentation = np.random.default_rng(0), Augmentation(flip=False, rotation_deg=0.0, flip_vertical=True)
    done = [augmentation.apply(film, generator) for _ in range(200)]
    over = sum(torch.equal(each, film.flip(0)) for each in done)
    assert over + sum(torch.equal(each, film) for each in done) == 200
    assert 70 < over < 130


def test_half_of_the_films_are_mirrored_and_no_other_thing_is_done_to_them():
    film = torch.rand(16, 16)
    generator, augmentation = np.random.default_rng(0), Augmentation(rotation_deg=0.0)
    done = [augmentation.apply(film, generator) for _ in range(200)]
    mirrored = sum(torch.equal(each, film.flip(1)) for each in done)
    assert mirrored + sum(torch.equal(each, film) for each in done) == 200
    assert 70 < mirrored < 130


def test_rotations_stay_within_their_bound_and_go_both_ways():
    """Of a spot at three o'clock, whose direction says the angle."""
    film = torch.from_numpy(spot_at_three_o_clock())
    generator, augmentation = np.random.default_rng(0), Augmentation(flip=False, rotation_deg=30.0)
    angles = []
    for _ in range(60):
        x, y = centre(augmentation.apply(film, generator).numpy())
        angles.append(np.rad2deg(np.arctan2(32 - y, x - 32)))
    assert max(np.abs(angles)) < 31
    assert max(angles) > 20
    assert min(angles) < -20


def test_any_angle_may_be_wanted():
    film = torch.from_numpy(spot_at_three_o_clock())
    generator, augmentation = np.random.default_rng(0), Augmentation(flip=False, rotation_deg=180.0)
    quarters = set()
    for _ in range(60):
        x, y = centre(augmentation.apply(film, generator).numpy())
        quarters.add((x > 32, y > 32))
    assert len(quarters) == 4


def halves(augmentation: Augmentation, film: torch.Tensor) -> list[torch.Tensor]:
    """Return what 200 draws changed; the others must be the film itself."""
    generator = np.random.default_rng(0)
    done = [augmentation.apply(film, generator) for _ in range(200)]
    changed = [each for each in done if not torch.equal(each, film)]
    assert 70 < len(changed) < 130
    return changed


def test_half_of_the_films_lose_their_border():
    """The frame around the film is gone, the spot in its middle twice as far from the centre."""
    film = torch.zeros(64, 64)
    film[:4], film[:, 40:44] = 1.0, 0.5
    for each in halves(Augmentation(flip=False, rotation_deg=0.0, centre_crop=0.5), film):
        assert each.shape == (64, 64)
        assert each.max() < 0.6
        assert each[32, 49:55].mean() > 0.45  # 40..44 are 8..12 from the centre, then 16..24


def test_sharpening_raises_contrast_and_blurring_lowers_it():
    film = torch.from_numpy(spot_at_three_o_clock()) * 0.5
    still = {"flip": False, "rotation_deg": 0.0}
    edge = film.diff().abs().max()
    for each in halves(Augmentation(**still, blur=2.0), film):
        assert each.diff().abs().max() < edge
        assert abs(float(each.sum() / film.sum()) - 1) < 0.05
    for each in halves(Augmentation(**still, sharpen=3.0), film):
        assert each.diff().abs().max() > edge
        assert 0 <= each.min() <= each.max() <= 1
