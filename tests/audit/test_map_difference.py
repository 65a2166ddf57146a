"""Two maps subtracted: what is subtracted, on which grid, and where nothing is known."""

from dataclasses import replace

import numpy as np
import pytest

from workbench.audit.map_difference import FINEST, map_difference
from workbench.core.errors import OptionError, UnknownNameError
from workbench.core.explanation import Explanation
from workbench.core.geometry import scaling, translation


def explanation(values, *, size=(40, 60), to_film=None, case_id="c0"):
    maps = np.asarray(values, dtype=np.float32)[None]
    to_film = scaling(size[1] / maps.shape[2], size[0] / maps.shape[1]) if to_film is None else to_film
    return Explanation(
        "grad-cam",
        (case_id,),
        np.array([1]),
        maps,
        to_film[None],
        np.array([size]),
        np.array([[0.2, 0.8]]),
    )


def test_scaled_forgets_units_and_keeps_signs_and_zeros():
    shape = np.array([[0.0, 1.0], [-0.5, 0.25]])
    same = map_difference(explanation(shape), explanation(1000 * shape))
    np.testing.assert_allclose(same, 0, atol=1e-6)
    raw = map_difference(explanation(shape), explanation(1000 * shape), subtracted="raw")
    assert raw.min() == pytest.approx(-999)
    opposite = map_difference(explanation(shape), explanation(-7 * shape))
    assert opposite.max() == pytest.approx(2, abs=1e-5)


def test_it_is_the_maps_on_film_subtracted():
    generator = np.random.default_rng(0)
    a, b = explanation(generator.normal(size=(4, 6))), explanation(generator.normal(size=(8, 3)))
    expected = a.on_film(0) - b.on_film(0)
    np.testing.assert_allclose(map_difference(a, b, subtracted="raw"), expected, atol=1e-6)
    np.testing.assert_allclose(map_difference(b, a, subtracted="raw"), -expected, atol=1e-6)


def test_the_grid_is_the_film_s_but_bounded_and_never_coarser_than_a_map():
    flat = np.ones((4, 4))
    assert map_difference(explanation(flat), explanation(flat)).shape == (40, 60)
    large = (3000, 2000)
    assert map_difference(explanation(flat, size=large), explanation(flat, size=large)).shape == (FINEST, 341)
    fine = explanation(np.ones((900, 600)), size=large)
    assert map_difference(fine, explanation(flat, size=large)).shape == (900, 600)


def test_nothing_is_said_where_one_network_was_not_shown_the_film():
    part = explanation(np.ones((2, 2)), to_film=translation(30, 0) @ scaling(15, 20))  # the right half
    found = map_difference(explanation(np.ones((2, 2))), part)
    assert np.isnan(found[:, :29]).all()
    assert np.isfinite(found[:, 31:]).all()


def test_a_map_without_magnitude_counts_as_zero():
    found = map_difference(explanation(np.zeros((2, 2))), explanation(np.full((2, 2), 4.0)))
    np.testing.assert_allclose(found, -1)


def test_other_films_and_other_ways_are_refused():
    one = explanation(np.ones((2, 2)))
    with pytest.raises(OptionError, match="one film"):
        map_difference(one, explanation(np.ones((2, 2)), case_id="c1"))
    with pytest.raises(OptionError, match="one film"):
        map_difference(one, replace(one, film_sizes=np.array([[40, 61]])))
    with pytest.raises(UnknownNameError, match="scaled"):
        map_difference(one, one, subtracted="scald")
