"""Films before anything is put on them: healthy twins, studies, casts, rings, exposure, and golden films."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench.data.phantoms.bare_film import BareFilm, draw_bare_film
from workbench.data.phantoms.options import BODY_PARTS, KINDS, VIEWS, PhantomOptions

ABNORMAL = KINDS[1:]
GOLDEN = Path(__file__).parent / "golden"
GOLDEN_FILMS = {
    "hand-fracture": (PhantomOptions(height=128, width=104, body_part="hand", kind="fracture"), 1),
    "elbow-hardware-cast": (
        PhantomOptions(height=128, width=104, body_part="elbow", view="lateral", kind="hardware", cast=True),
        2,
    ),
    "shoulder-lesion": (PhantomOptions(height=128, width=104, body_part="shoulder", kind="lesion"), 3),
    "wrist-degenerative-ring": (
        PhantomOptions(height=128, width=104, body_part="wrist", view="oblique", kind="degenerative", ring=True),
        4,
    ),
}


@pytest.mark.parametrize(("body_part", "kind"), list(product(BODY_PARTS, ABNORMAL)))
def test_the_healthy_twin_is_the_film_but_for_the_lesion(body_part: str, kind: str) -> None:
    view = VIEWS[(BODY_PARTS.index(body_part) + ABNORMAL.index(kind)) % 3]
    options = PhantomOptions(body_part=body_part, view=view, kind=kind, cast=view == "oblique", difficulty=0.1)
    film = draw_bare_film(options, 8, healthy=True)
    assert film.healthy is not None
    np.testing.assert_array_equal(film.masks["lesion"], film.pixels != film.healthy)
    normal = draw_bare_film(replace(options, kind="normal"), 8)
    assert (film.healthy != normal.pixels).mean() < 1e-3
    assert film.masks["lesion"].mean() < 0.5


def test_twins_are_drawn_only_where_asked_for() -> None:
    assert draw_bare_film(PhantomOptions(kind="fracture"), 1).healthy is None
    assert draw_bare_film(PhantomOptions(kind="normal"), 1, healthy=True).healthy is None
    asked, not_asked = (
        draw_bare_film(PhantomOptions(kind="fracture"), 1, healthy=healthy) for healthy in (True, False)
    )
    np.testing.assert_array_equal(asked.pixels, not_asked.pixels)
    np.testing.assert_array_equal(asked.masks["lesion"], not_asked.masks["lesion"])


@pytest.mark.parametrize("kind", ABNORMAL)
def test_every_abnormality_grows_fainter_with_difficulty(kind: str) -> None:
    def change(difficulty: float) -> float:
        found = []
        for seed in range(7):
            options = PhantomOptions(body_part=BODY_PARTS[seed], kind=kind, difficulty=difficulty)
            film = draw_bare_film(options, seed, healthy=True)
            found.append(float(np.abs(film.pixels - film.healthy).sum()))
        return float(np.median(found))

    plain, hard = change(0.0), change(1.0)
    assert plain > 2.0 * hard
    assert hard > 0


def test_studies_of_a_patient_share_the_abnormality_but_not_the_posture() -> None:
    options = PhantomOptions(body_part="hand", kind="hardware", difficulty=0.0)
    first, second, again = (draw_bare_film(replace(options, study=study), 6) for study in (0, 1, 0))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert (first.pixels != second.pixels).mean() > 0.5
    metal_mm2 = [film.masks["hardware"].sum() * film.spacing_mm**2 for film in (first, second)]
    assert metal_mm2[1] == pytest.approx(metal_mm2[0], rel=0.25)


@pytest.mark.parametrize("body_part", BODY_PARTS)
def test_casts_and_rings_are_on_the_film_whatever_the_label(body_part: str) -> None:
    for view, kind in (("pa", "normal"), ("lateral", "lesion")):
        worn = PhantomOptions(body_part=body_part, view=view, kind=kind, cast=True, ring=True)
        film, bare = draw_bare_film(worn, 5), draw_bare_film(replace(worn, cast=False, ring=False), 5)
        assert set(bare.masks) == set(film.masks) - {"cast", "ring"}
        assert film.masks["cast"].mean() > 0.02
        assert 0 < film.masks["ring"].mean() < 0.1
        assert "hardware" not in film.masks
        np.testing.assert_array_equal(film.masks["anatomy"], bare.masks["anatomy"])


def test_what_is_worn_does_not_depend_on_the_kind() -> None:
    films = [draw_bare_film(PhantomOptions(kind=kind, cast=True, ring=True), 7) for kind in ("normal", "fracture")]
    for name in ("cast", "ring"):
        np.testing.assert_array_equal(films[0].masks[name], films[1].masks[name])


def _noise(film: BareFilm) -> float:
    """Return the noise of the thick parts, where it shows: how much neighbours differ."""
    rows = np.diff(film.pixels, axis=0)[film.masks["anatomy"][1:] & (film.pixels[1:] < 0.95)]
    return float(np.std(rows))


def test_underexposed_films_are_bright_and_noisy_and_overexposed_ones_dark() -> None:
    films = [draw_bare_film(PhantomOptions(body_part="forearm", exposure=exposure), 9) for exposure in (-0.8, 0.0, 0.8)]
    brightness = [float(film.pixels[film.masks["anatomy"]].mean()) for film in films]
    assert brightness[0] > 1.15 * brightness[1] > 1.3 * brightness[2]
    assert _noise(films[0]) > _noise(films[2])


def test_a_cropped_film_shows_less_of_the_anatomy_at_a_finer_scale() -> None:
    whole, cropped = (draw_bare_film(PhantomOptions(body_part="hand", cropped=cut), 3) for cut in (False, True))
    assert cropped.spacing_mm < 0.8 * whole.spacing_mm
    areas_mm2 = [float(film.masks["anatomy"].sum() * film.spacing_mm**2) for film in (cropped, whole)]
    assert areas_mm2[0] < areas_mm2[1]


@pytest.mark.parametrize("size", [(64, 64), (64, 300), (300, 64), (1024, 800)])
def test_any_shape_of_film_is_drawn(size: tuple[int, int]) -> None:
    for body_part in ("hand", "shoulder"):
        options = PhantomOptions(height=size[0], width=size[1], body_part=body_part, kind="fracture", ring=True)
        film = draw_bare_film(options, 2, healthy=True)
        assert film.pixels.shape == size
        assert film.masks["anatomy"].any()


@pytest.mark.parametrize("name", GOLDEN_FILMS)
def test_films_are_the_same_on_every_machine_within_one_grey_level(name: str) -> None:
    """The golden films were drawn once: 99.9 % of the pixels lie within one grey level of them."""
    options, seed = GOLDEN_FILMS[name]
    levels = np.rint(draw_bare_film(options, seed).pixels * 255).astype(int)
    golden = np.asarray(Image.open(GOLDEN / f"{name}.png"), dtype=int)
    assert levels.shape == golden.shape
    assert (np.abs(levels - golden) <= 1).mean() >= 0.999
