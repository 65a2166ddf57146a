"""Words of DICOM as the workbench's own; what is in no table here may be free text, and does not leave the reader."""

from collections.abc import Mapping
from types import MappingProxyType

BODY_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "ABDOMEN": "abdomen",
        "ANKLE": "ankle",
        "ARM": "humerus",
        "CALCANEUS": "foot",
        "CERVICALSPINE": "spine",
        "CHEST": "chest",
        "CLAVICLE": "shoulder",
        "COCCYX": "spine",
        "CSPINE": "spine",
        "ELBOW": "elbow",
        "EXTREMITY": "extremity",
        "FEMUR": "femur",
        "FINGER": "finger",
        "FOOT": "foot",
        "FOREARM": "forearm",
        "HAND": "hand",
        "HEEL": "foot",
        "HIP": "hip",
        "HUMERUS": "humerus",
        "JAW": "skull",
        "KNEE": "knee",
        "LEG": "leg",
        "LOWERLEG": "leg",
        "LSPINE": "spine",
        "LUMBARSPINE": "spine",
        "PATELLA": "knee",
        "PELVIS": "pelvis",
        "RADIUS": "forearm",
        "RADIUSULNA": "forearm",
        "RIB": "chest",
        "RIBS": "chest",
        "SACRUM": "spine",
        "SCAPULA": "shoulder",
        "SHOULDER": "shoulder",
        "SKULL": "skull",
        "SPINE": "spine",
        "SSPINE": "spine",
        "STERNUM": "chest",
        "THIGH": "femur",
        "THORACICSPINE": "spine",
        "THUMB": "finger",
        "TIBIAFIBULA": "leg",
        "TOE": "foot",
        "TSPINE": "spine",
        "ULNA": "forearm",
        "UPPERARM": "humerus",
        "WRIST": "wrist",
    }
)
"""BodyPartExamined without blanks, signs and its plural -> body part."""

VIEWS: Mapping[str, str] = MappingProxyType(
    {
        "AP": "ap",
        "PA": "pa",
        "LL": "lateral",
        "RL": "lateral",
        "LAT": "lateral",
        "LATERAL": "lateral",
        "ML": "lateral",
        "LM": "lateral",
        "LLD": "decubitus",
        "RLD": "decubitus",
        "RLO": "oblique",
        "LLO": "oblique",
        "LAO": "oblique",
        "RAO": "oblique",
        "LPO": "oblique",
        "RPO": "oblique",
        "OBL": "oblique",
        "OBLIQUE": "oblique",
        "AXIAL": "axial",
        "TAN": "tangential",
    }
)
"""ViewPosition -> view."""

VIEW_CODES: Mapping[str, str] = MappingProxyType(
    {
        "399348003": "ap",
        "272479007": "pa",
        "399033003": "frontal",
        "399067008": "lateral",
        "399173006": "lateral",
        "399198007": "lateral",
        "399352003": "lateral",
        "399260004": "lateral",
        "399182000": "oblique",
        "399184004": "oblique",
        "399236003": "oblique",
        "399135007": "oblique",
        "399356000": "oblique",
        "399006002": "oblique",
        "399038007": "oblique",
        "260427002": "oblique",
        "260426006": "oblique",
        "399099002": "oblique",
        "399368009": "oblique",
        "399312000": "oblique",
        "399059000": "oblique",
        "399061009": "axial",
        "399110001": "tangential",
        "399335002": "dorsoplantar",
        "399071006": "plantodorsal",
        "R-10206": "ap",
        "R-10214": "pa",
        "R-10236": "lateral",
        "R-10232": "lateral",
    }
)
"""Code values of the view (SNOMED CT, and SNOMED RT of older films) -> view, after DICOM's context group 4010."""

MODALITIES = frozenset({"CR", "DX", "IO", "MG", "OT", "PX", "RF", "RG", "SC", "XA", "XC"})
SIDES = frozenset({"L", "R", "B"})
INTENTS: Mapping[str, str] = MappingProxyType({"FOR PRESENTATION": "presentation", "FOR PROCESSING": "processing"})
PHOTOMETRICS = frozenset({"MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
OTHER_PHOTOMETRICS = frozenset({"PALETTE COLOR", "HSV", "ARGB", "CMYK", "YBR_PARTIAL_420", "YBR_PARTIAL_422", "XYB"})
"""Known to DICOM and not to this reader; a message may name them."""


def body_part(word: str) -> str:
    """Return the body part, empty where the word is none that is known."""
    letters = "".join(sign for sign in word.upper() if sign.isalpha())
    return BODY_PARTS.get(letters) or BODY_PARTS.get(letters.removesuffix("S"), "")
