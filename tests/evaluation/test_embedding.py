import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.evaluation.embedding import embedding


@pytest.fixture
def groups():
    """Two groups far apart in 20 dimensions, one of which never changes."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 20))
    features[20:, :5] += 8.0
    features[:, 7] = 3.0
    return features


@pytest.mark.parametrize("kind", ["pca", "t-sne"])
def test_neighbours_stay_neighbours(groups, kind):
    plane = embedding(groups, kind=kind)
    assert plane.shape == (40, 2)
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=2) + np.diag(np.full(40, np.inf))
    nearest = distances.argmin(axis=1)
    assert ((nearest < 20) == (np.arange(40) < 20)).mean() > 0.95


@pytest.mark.parametrize("kind", ["pca", "t-sne"])
def test_the_same_seed_gives_the_same_plane(groups, kind):
    np.testing.assert_array_equal(embedding(groups, kind=kind, seed=3), embedding(groups, kind=kind, seed=3))


def test_what_has_no_plane_is_refused(groups):
    with pytest.raises(OptionError, match="4 or more"):
        embedding(groups[:3])
    with pytest.raises(OptionError, match="not finite"):
        embedding(np.full((5, 3), np.nan))
