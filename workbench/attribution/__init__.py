"""Attribution methods behind one function, ``explain``: one pass serves all that can share it."""

from workbench.attribution import (
    activations,
    cam,
    eigen_cam,
    gradient_cams,
    gradients,
    integrated_gradients,
    occlusion,
    rise,
    scored_cams,
    smooth_gradients,
)
from workbench.attribution.explain import explain
from workbench.attribution.methods import METHODS

__all__ = [
    "METHODS",
    "activations",
    "cam",
    "eigen_cam",
    "explain",
    "gradient_cams",
    "gradients",
    "integrated_gradients",
    "occlusion",
    "rise",
    "scored_cams",
    "smooth_gradients",
]
