"""Path lengths against bodies whose shadows are known in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from workbench.data.phantoms.bodies import Body, Camera, Cut, Lobe, egg, rod
from workbench.data.phantoms.frames import rotation_y, rotation_z, vector
from workbench.data.phantoms.patient import bone
from workbench.data.phantoms.shadows import cast_shadow
from workbench.data.phantoms.spans import Span, coat_of, empty_span
from workbench.data.phantoms.textures import grain_at


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


@pytest.mark.parametrize("angle_deg", [0.0, 40.0, 90.0])
def test_a_knob_joined_to_a_rod_adds_what_stands_out_and_a_hollow_takes_what_it_covers(angle_deg: float) -> None:
    plain = bone("rod", vector(0, 20, 0), vector(0, -20, 0), rod(3.0, cap=0.0))
    apart = Lobe(0.5, 9.0, 0.0, 5.0, 5.0, 5.0)  # touches the rod from beside it
    inside = Lobe(0.5, 0.0, 0.0, 2.0, 2.0, 2.0)
    turned = camera(rotation_z(15.0) @ rotation_y(angle_deg))
    ball_mm3, bead_mm3 = 4 / 3 * np.pi * 125, 4 / 3 * np.pi * 8
    alone = volume_mm3(plain, turned)
    assert volume_mm3(replace(plain, lobes=(inside,)), turned) == pytest.approx(alone, rel=0.01)
    assert volume_mm3(replace(plain, carves=(inside,)), turned) == pytest.approx(alone - bead_mm3, rel=0.01)
    if angle_deg == 0.0:  # elsewhere the rays cross the gap between rod and knob, which counts as bone
        assert volume_mm3(replace(plain, lobes=(apart,)), turned) == pytest.approx(alone + ball_mm3, rel=0.03)


def test_a_body_of_lobes_alone_has_a_shell_as_thick_as_it_says() -> None:
    pebble = bone(
        "pebble", vector(0, 5, 0), vector(0, -5, 0), None, lobes=(Lobe(0.5, 0.0, 0.0, 10.0, 10.0, 10.0, 2.0),)
    )
    shadow = cast_shadow(pebble, camera())
    assert shadow is not None
    core = shadow.core.sum() * 0.25**2
    assert core == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.03)
    middle = np.unravel_index(shadow.whole.argmax(), shadow.whole.shape)
    assert shadow.whole[middle] - shadow.core[middle] == pytest.approx(4.0, rel=0.05)


def test_a_coat_on_a_ball_is_exact() -> None:
    aside = np.linspace(0.0, 9.9, 50, dtype=np.float32)[None]
    length = 2 * np.sqrt(100 - aside**2)
    slant = 10 / (length / 2)
    inner = np.sqrt(np.maximum(81 - aside**2, 0))
    np.testing.assert_allclose(coat_of(length, slant, np.float32(1.0)), length / 2 - inner, atol=1e-3)


def test_spans_know_what_they_share_and_what_lies_between_them() -> None:
    everywhere = (slice(None), slice(None))
    first, second = (
        Span(*(np.array([ends], dtype=np.float32) for ends in zip(*pairs, strict=True)))
        for pairs in (((0, 4), (0, 4)), ((3, 9), (6, 9)))
    )
    np.testing.assert_array_equal(first.overlap(second, everywhere), [[1, 0]])
    np.testing.assert_array_equal(first.gap(second, everywhere), [[0, 2]])
    nothing = empty_span((1, 2))
    np.testing.assert_array_equal(nothing.gap(first, everywhere), [[0, 0]])
    nothing.join(first, everywhere)
    np.testing.assert_array_equal(nothing.length, first.length)


@pytest.mark.parametrize("kind", ["trabeculae", "streaks", "plaster"])
def test_grain_changes_no_mean_and_is_the_same_at_the_same_place(kind: str) -> None:
    along, aside = (np.array(grid, dtype=np.float32) for grid in np.mgrid[-70:80:0.3, -70:80:0.3])
    grain = grain_at(kind, along, aside, 0.3, 12345)
    assert abs(grain.mean()) < 0.1
    assert grain.std() == pytest.approx(1.0, abs=0.1)
    np.testing.assert_array_equal(grain[5:9, 7:11], grain_at(kind, along[5:9, 7:11], aside[5:9, 7:11], 0.3, 12345))
    assert grain_at(kind, along, aside, 1.2, 12345).std() < grain.std()
