"""Soft tissue: skin, the fat under it, and the muscle within."""

from workbench.data.phantoms.bodies import Body, Outline, Vector
from workbench.data.phantoms.patient import bone

SKIN_MM = 1.3
"""Thickness of the skin."""
SKIN, FAT, MUSCLE = 0.0235, 0.0165, 0.0215
"""Attenuation per millimetre."""


def tissue(name: str, start: Vector, end: Vector, shape: Outline, girth: float = 1.0) -> Body:
    """Return a stretch of soft tissue: fat around muscle."""
    return bone(name, start, end, shape, shell_density=FAT, core_density=MUSCLE, texture=0.0, girth=girth)
