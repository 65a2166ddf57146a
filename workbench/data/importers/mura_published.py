"""What was published of MURA, beside what a manifest of it holds."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workbench.core.manifest import Manifest

PUBLISHED_STUDIES: Mapping[str, tuple[int, int, int, int]] = MappingProxyType(
    {
        "elbow": (1094, 660, 92, 66),
        "finger": (1280, 655, 92, 83),
        "hand": (1497, 521, 101, 66),
        "humerus": (321, 271, 68, 67),
        "forearm": (590, 287, 69, 64),
        "shoulder": (1364, 1457, 99, 95),
        "wrist": (2134, 1326, 140, 97),
    }
)
"""Studies of each part: :data:`COLUMNS` as Rajpurkar et al. published them (arXiv:1712.06957)."""
COLUMNS = (("train", "normal"), ("train", "abnormal"), ("valid", "normal"), ("valid", "abnormal"))
PUBLISHED_IMAGES: Mapping[str, int] = MappingProxyType({"train": 36808, "valid": 3197})


@dataclass(frozen=True)
class PublishedCount:
    """One published number beside the same count in a manifest.

    Parameters
    ----------
    counted
        ``studies`` or ``images``.
    body_part, label
        Empty where the number is over all of them.
    """

    counted: str
    body_part: str
    split: str
    label: str
    published: int
    found: int

    @property
    def difference(self) -> int:
        """Return how many more were found than published."""
        return self.found - self.published


def published_differences(manifest: Manifest) -> tuple[PublishedCount, ...]:
    """Return the studies of each body part, split and label, then the images of each split, as published and found."""
    firsts = [study.cases[0] for study in manifest.studies()]
    studies = Counter((case.body_part, case.split, case.label) for case in firsts)
    images = Counter(case.split for case in manifest)
    of_studies = [
        PublishedCount("studies", part, split, label, published, studies[part, split, label])
        for part, row in PUBLISHED_STUDIES.items()
        for (split, label), published in zip(COLUMNS, row, strict=True)
    ]
    of_images = [
        PublishedCount("images", "", split, "", published, images[split])
        for split, published in PUBLISHED_IMAGES.items()
    ]
    return (*of_studies, *of_images)
