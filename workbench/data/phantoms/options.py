"""What a phantom may be asked to show."""

from dataclasses import dataclass, replace
from typing import Any

from workbench.core.options import check_options, option

BODY_PARTS = ("elbow", "finger", "forearm", "hand", "humerus", "shoulder", "wrist")
VIEWS = ("pa", "lateral", "oblique")
KINDS = ("normal", "fracture", "hardware", "degenerative", "subluxation", "lesion")
FLAGS = ("none", "L", "R")
GLYPHS = ("train", "test")
TWINS = ("flag", "frame", "text", "logo", "lesion")
"""What a counterfactual of a film may lack."""


@dataclass(frozen=True)
class PhantomOptions:
    """One film: what it shows, and what somebody put beside the anatomy.

    The same seed is the same patient whatever the options: views and studies share the bones and the abnormality,
    and neither flag, text, logo nor frame changes a pixel outside its own mask.
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
    glyphs: str = option("train", "families of the flag's letters; those to test on are others", choices=GLYPHS)
    text: bool = option(False, "whether lines of text are burnt into the film")
    logo: bool = option(False, "whether a clinic's logo is burnt into the film")
    frame: bool = option(False, "whether a rectangular frame is drawn around the film")
    difficulty: float = option(0.3, "0 shows the abnormality plainly, 1 hardly at all", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def label(self) -> str:
        """The class that a reader should say: ``normal`` or ``abnormal``."""
        return "normal" if self.kind == "normal" else "abnormal"

    @property
    def removable(self) -> tuple[str, ...]:
        """What of :data:`TWINS` is on the film."""
        there = {
            "flag": self.flag != "none",
            "frame": self.frame,
            "text": self.text,
            "logo": self.logo,
            "lesion": self.kind != "normal",
        }
        return tuple(name for name in TWINS if there[name])

    def without(self, *names: str) -> "PhantomOptions":
        """Return the options of the film without these of :data:`TWINS`."""
        gone: dict[str, Any] = {"flag": "none", "lesion": "normal"}
        fields = {"kind" if name == "lesion" else name: gone.get(name, False) for name in names}
        return replace(self, **fields)
