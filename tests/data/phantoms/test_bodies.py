"""Path lengths against bodies whose shadows are known in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from workbench.data.phantoms.bodies import Body, Camera, Cut, Lobe, egg, rod
from workbench.data.phantoms.frames import rotation_y, rotation_z, vector
from workbench.data.phantoms.patient import bone
from workbench.data.phantoms.shadows import cast_shadow


def camera(turn: np.ndarray | None = None, spacing_mm: float = 0.25) -> Camera:
    return Camera(np.eye(3) if turn is None else turn, vector(0, 0, 0), (0.0, 0.0), spacing_mm, (256, 256))


def whole(body: Body, seen_by: Camera) -> np.ndarray:
    film = np.zeros(seen_by.size)
    shadow = cast_shadow(body, seen_by)
    assert shadow is not None
    film[shadow.patch] = shadow.whole
    return film


def volume_mm3(body: Body, seen_by: Camera) -> float:
    return float(whole(body, seen_by).sum()) * seen_by.spacing_mm**2


@pytest.fixture
def ball() -> Body:
    return bone("ball", vector(0, 10, 0), vector(0, -10, 0), egg(10.0, 10.0))


def test_a_ball_casts_the_shadow_of_a_ball(ball: Body) -> None:
    across = (np.arange(256) + 0.5 - 128) * 0.25
    expected = 2 * np.sqrt(np.maximum(100 - across**2 - across[:, None] ** 2, 0))
    difference = np.abs(whole(ball, camera()) - expected)
    assert difference.mean() < 0.05
    assert np.quantile(difference, 0.99) < 0.6


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 60.0, 90.0])
def test_an_elliptic_rod_keeps_its_volume_in_every_view(angle_deg: float) -> None:
    body = bone("rod", vector(0, 20, 0), vector(0, -20, 0), rod(6.0, flat=0.5, cap=0.0))
    turned = camera(rotation_z(20.0) @ rotation_y(angle_deg))
    assert volume_mm3(body, turned) == pytest.approx(np.pi * 6 * 3 * 40, rel=0.01)


def test_the_longest_chord_of_an_ellipse_seen_from_its_side_is_its_long_axis() -> None:
    body = bone("rod", vector(0, 20, 0), vector(0, -20, 0), rod(6.0, flat=0.5, cap=0.0))
    assert whole(body, camera()).max() == pytest.approx(6.0, rel=0.01)
    assert whole(body, camera(rotation_y(90.0))).max() == pytest.approx(12.0, rel=0.01)


def test_the_shell_of_a_tube_is_thickest_near_its_edges() -> None:
    shadow = cast_shadow(bone("tube", vector(0, 20, 0), vector(0, -20, 0), rod(6.0, 2.0, cap=0.0)), camera())
    assert shadow is not None
    row = (shadow.whole - shadow.core)[shadow.whole.shape[0] // 2]
    aside = np.abs(shadow.aside_mm[shadow.whole.shape[0] // 2])
    assert row[aside < 0.3].max() == pytest.approx(4.0, rel=0.05)  # two walls of 2 mm
    assert row.max() == pytest.approx(2 * np.sqrt(36 - 16), rel=0.05)  # the ray that just misses the marrow
    assert 3.5 < aside[row.argmax()] < 4.5


def test_the_two_sides_of_a_cut_make_the_whole(ball: Body) -> None:
    teeth = np.random.default_rng(0).normal(size=20).astype(np.float32)
    near, far = (Cut(9.0, 0.4, -0.2, teeth, keep) for keep in (-1, 1))
    parts = [whole(replace(ball, cuts=(cut,)), camera()) for cut in (near, far)]
    np.testing.assert_allclose(parts[0] + parts[1], whole(ball, camera()), atol=1e-4)
    assert min(part.sum() for part in parts) > 0.2 * whole(ball, camera()).sum()


def test_a_body_beside_the_film_casts_no_shadow(ball: Body) -> None:
    away = replace(ball, start=ball.start + 500, end=ball.end + 500)
    assert cast_shadow(away, camera()) is None
