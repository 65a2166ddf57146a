"""Attribution methods behind one function, ``explain``: one pass serves all that can share it."""

from workbench.attribution import activations, cam, gradients, integrated_gradients
from workbench.attribution.explain import explain
from workbench.attribution.methods import METHODS

__all__ = ["METHODS", "activations", "cam", "explain", "gradients", "integrated_gradients"]
