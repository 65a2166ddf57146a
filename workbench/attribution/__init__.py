"""Attribution methods behind one function, ``explain``: one pass serves all that can share it."""

from workbench.attribution import (
    activations,
    attention_rollout,
    cam,
    deep_lift,
    eigen_cam,
    gradient_cams,
    gradient_shap,
    gradients,
    integrated_gradients,
    kernel_shap,
    lrp,
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
    "attention_rollout",
    "cam",
    "deep_lift",
    "eigen_cam",
    "explain",
    "gradient_cams",
    "gradient_shap",
    "gradients",
    "integrated_gradients",
    "kernel_shap",
    "lrp",
    "occlusion",
    "rise",
    "scored_cams",
    "smooth_gradients",
]
