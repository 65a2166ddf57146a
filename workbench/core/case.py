"""One film and one examination, as a manifest names them."""

from dataclasses import dataclass

import numpy as np

from workbench.core.annotation import Annotation
from workbench.core.arrays import FilmMask
from workbench.core.errors import ManifestError


@dataclass(frozen=True)
class Case:
    """One film: where it is, what it shows, and what is known about it.

    Parameters
    ----------
    case_id
        Unique in the manifest.
    patient_id, study_id
        Unique over the whole data set, not only inside a patient or a folder.
    image
        Path of the film from the manifest's root, with forward slashes.
    label
        A class name, or None where it is not known.
    spacing_mm
        Side of a pixel, 0 where it is not known.
    twins
        Case ids of the same film with something put in or taken out (a flag, a lesion).
    annotations
        What is known to lie where; empty where nothing is known.
    """

    case_id: str
    patient_id: str
    study_id: str
    image: str
    sha256: str = ""
    width: int = 0
    height: int = 0
    label: str | None = None
    split: str = ""
    view: str = ""
    laterality: str = ""
    body_part: str = ""
    spacing_mm: float = 0.0
    tags: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()

    def mask(self, *categories: str) -> FilmMask:
        """Return the union (height, width) of the masks of these categories; all False where none is known."""
        wanted = [annotation for annotation in self.annotations if annotation.category in categories]
        if wanted and not (self.height and self.width):
            raise ManifestError(f"{self.case_id}: its masks need the film's width and height, which are not known")
        union = np.zeros((self.height, self.width), dtype=bool)
        for annotation in wanted:
            union |= annotation.mask(self.height, self.width)
        return union

    def has(self, category: str) -> bool:
        """Say whether an annotation of this category is known."""
        return any(annotation.category == category for annotation in self.annotations)


@dataclass(frozen=True)
class Study:
    """The films of one examination; MURA labels studies, not films."""

    study_id: str
    cases: tuple[Case, ...]
