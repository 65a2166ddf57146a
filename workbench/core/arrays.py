"""Array types by shape. Letters: n cases, c channels, h w pixels, k classes, d features, v views, m boxes."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

FilmPixels = Float32[np.ndarray, "h w"]
"""One film: 0 black to 1 white."""
FilmMask = Bool[np.ndarray, "h w"]
MapBatch = Float32[np.ndarray, "n h w"]
"""Signed, raw attribution maps at the layer's own resolution."""
Affine = Float64[np.ndarray, "3 3"]
"""Takes (x, y, 1) to (x', y', 1); pixel edges lie on whole numbers, centres on halves."""
AffineBatch = Float64[np.ndarray, "n 3 3"]
FilmSizes = Int64[np.ndarray, "n 2"]
"""(height, width) of each film."""
ClassIndices = Int64[np.ndarray, " n"]
"""Class of each case; -1 where it is not known."""
Probabilities = Float64[np.ndarray, "n k"]
Outputs = Float32[np.ndarray, "n o"]
"""Raw network outputs: one column for a single-logit head, else one a class."""

Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in film pixels; right and bottom exclusive."""

Json = Any
"""What ``json`` reads and writes: None, bool, int, float, str, list, dict."""
