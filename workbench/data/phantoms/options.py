"""What a phantom may be asked to show."""

from dataclasses import dataclass

from workbench.core.options import check_options, option

BODY_PARTS = ("elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist")
VIEWS = ("pa", "lateral", "oblique")
KINDS = ("normal", "fracture", "hardware", "degenerative", "subluxation", "lesion")
FLAGS = ("none", "L", "R")


@dataclass(frozen=True)
class PhantomOptions:
    """One film: what it shows, and what somebody put beside the anatomy.

    The same seed is the same patient whatever the options: views and studies share the bones and the abnormality,
    and neither flag nor frame changes a pixel outside its own mask.
    """

    height: int = option(176, "height of the film", low=64, high=2048, unit=" px")
    width: int = option(144, "width of the film", low=64, high=2048, unit=" px")
    body_part: str = option("wrist", "what is radiographed", choices=BODY_PARTS)
    view: str = option("pa", "direction of the rays", choices=VIEWS)
    kind: str = option("normal", "normal, or the kind of abnormality", choices=KINDS)
    laterality: str = option("L", "left or right arm; one is the mirror image of the other", choices=("L", "R"))
    study: int = option(0, "which examination of the patient: other posture, positioning, exposure and noise", low=0)
    cast: bool = option(False, "whether the limb lies in a plaster cast")
    ring: bool = option(False, "whether jewellery is worn: a ring where fingers are on the film, else a bracelet")
    cropped: bool = option(False, "whether the film is cut so tight that part of the anatomy is missing")
    exposure: float = option(0.0, "-1 is far underexposed, 1 far overexposed, 0 as usual", low=-1.0, high=1.0)
    flag: str = option("none", "letter of the flag beside the anatomy", choices=FLAGS)
    frame: bool = option(False, "whether a rectangular frame is drawn around the film")
    difficulty: float = option(0.3, "0 shows the abnormality plainly, 1 hardly at all", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def label(self) -> str:
        """The class that a reader should say: ``normal`` or ``abnormal``."""
        return "normal" if self.kind == "normal" else "abnormal"
