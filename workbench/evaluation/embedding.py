"""Where a network puts cases: its features drawn in a plane."""

import warnings
from typing import Literal

import numpy as np
from jaxtyping import Float

from workbench.core.errors import OptionError

Features = Float[np.ndarray, "n d"]
Plane = Float[np.ndarray, "n 2"]

PERPLEXITY = 30.0
"""As van der Maaten and Hinton (JMLR 9, 2008) suggest, 5 to 50; less where there are few cases."""
LEAST = 4
"""Fewer cases have no neighbourhood."""


def embedding(features: Features, *, kind: Literal["t-sne", "pca"] = "t-sne", seed: int = 0) -> Plane:
    """Return a place in a plane for each case.

    Parameters
    ----------
    features
        (n, d); each dimension is brought to unit variance.
    kind
        ``"t-sne"`` keeps neighbours together (distances between groups mean nothing), ``"pca"`` is the plane of the
        greatest variance.
    seed
        Of t-SNE.

    Returns
    -------
    Plane
        (n, 2).

    Raises
    ------
    OptionError
        Fewer than 4 cases, a feature that is not finite, or an unknown kind.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if len(features) < LEAST:
        raise OptionError(f"an embedding of {len(features)} cases; wanted {LEAST} or more")
    if kind not in ("t-sne", "pca"):
        raise OptionError(f"embedding {kind!r} is not one of t-sne, pca")
    if not np.isfinite(features).all():
        raise OptionError("an embedding of features that are not finite")
    deviations = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(deviations > 0, deviations, 1.0)
    if scaled.shape[1] == 1:  # a line lies in a plane too
        scaled = np.concatenate([scaled, np.zeros_like(scaled)], axis=1)
    if kind == "pca":
        return PCA(2, svd_solver="full").fit_transform(scaled).astype(np.float64)
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        drawn = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(scaled)
    return drawn.astype(np.float64)
