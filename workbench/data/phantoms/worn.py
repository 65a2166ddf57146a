"""What a patient wears on the film: a plaster cast, a ring, a bracelet. None of it knows the label."""

from dataclasses import replace

from workbench.core.seeding import derived_generator
from workbench.data.phantoms.anatomy import Arm
from workbench.data.phantoms.bodies import Body, rod
from workbench.data.phantoms.options import PhantomOptions


def worn_objects(options: PhantomOptions, arm: Arm, seed: int) -> dict[str, tuple[Body, ...]]:
    """Return the bodies of what is worn, by the name of their mask."""
    worn: dict[str, tuple[Body, ...]] = {}
    if options.cast:
        limb = next(body for body in arm.tissues if body.name in ("forearm", "upper arm"))
        worn["cast"] = (replace(limb, girth=1.2 * limb.girth, shell_density=0.04, core_density=0.0),)
    if options.ring:
        generator = derived_generator(seed, "ring")
        if options.body_part in ("finger", "hand"):
            name = "middle phalanx 1" if options.body_part == "finger" else "ring phalanx 1"
            limb = next(body for body in arm.tissues if body.name == name)
            low, radius, height = 0.55, 10.0, 2.0
        else:
            limb = next(body for body in arm.tissues if body.name == "forearm")
            low, radius, height = float(generator.uniform(0.75, 0.85)), 34.0, 3.0
        middle, axis = limb.point(low), (limb.end - limb.start) / limb.length_mm
        band = replace(limb, name="ring", start=middle - axis * height, end=middle + axis * height, girth=1.0)
        worn["ring"] = (replace(band, outline=rod(radius, 1.2, cap=0.0), shell_density=2.2, core_density=0.0),)
    return worn
