"""What the header says: how the pixels are stored, checked before any is read, and what may be told of the film."""

from dataclasses import dataclass
from typing import Any

from workbench.core.errors import ReaderError
from workbench.imaging.dicom import vocabulary
from workbench.imaging.dicom.elements import Elements
from workbench.imaging.dicom.tags import Tag
from workbench.imaging.pixels import check_size

MAX_SPACING_MM = 10.0
SQUARE = 0.01
"""The share by which the sides of a pixel may differ and still count as one."""
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"


@dataclass(frozen=True)
class PixelFormat:
    """How the pixels of one film are stored.

    Parameters
    ----------
    samples
        1 for grey, 3 for colour.
    photometric
        One of :data:`vocabulary.PHOTOMETRICS`.
    allocated, stored, high_bit
        Bits that a sample takes, bits of it that count, and the highest of these.
    is_planar
        Whether all reds come before all greens.
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    allocated: int
    stored: int
    high_bit: int
    is_signed: bool
    is_planar: bool

    @property
    def pixels(self) -> int:
        """Return how many pixels there are."""
        return self.rows * self.columns

    @property
    def is_halved(self) -> bool:
        """Say whether two neighbours share their colour, which uncompressed takes two thirds of the room."""
        return self.photometric == "YBR_FULL_422"

    @property
    def uncompressed_bytes(self) -> int:
        """Return the length of the pixels with every sample written out."""
        return self.pixels * self.samples * self.allocated // 8


def pixel_format(elements: Elements) -> PixelFormat:
    """Return how the pixels are stored; a ReaderError that names the tag where they are no single picture of a film."""
    if elements.word(Tag.SOPClassUID) == _MEDIA_DIRECTORY:
        raise ReaderError("a DICOM directory, not a film")
    _check_frames(elements)
    rows, columns = _count(elements, Tag.Rows), _count(elements, Tag.Columns)
    check_size(columns, rows)
    photometric, samples = _photometric(elements)
    allocated = _count(elements, Tag.BitsAllocated)
    if allocated not in (8, 16):
        raise ReaderError(f"{Tag.BitsAllocated} is {allocated}; wanted 8 or 16")
    stored = elements.whole(Tag.BitsStored) or allocated
    high_bit = elements.whole(Tag.HighBit)
    high_bit = stored - 1 if high_bit is None else high_bit
    if stored > allocated:
        raise ReaderError(f"{Tag.BitsStored} is {stored}, more than the {allocated} of {Tag.BitsAllocated}")
    if not stored - 1 <= high_bit < allocated:
        raise ReaderError(f"{Tag.HighBit} is {high_bit}; {stored} bits stored of {allocated} do not end there")
    return PixelFormat(
        rows,
        columns,
        samples,
        photometric,
        allocated,
        stored,
        high_bit,
        is_signed=bool(elements.whole(Tag.PixelRepresentation)),
        is_planar=bool(elements.whole(Tag.PlanarConfiguration)) and samples > 1,
    )


def _check_frames(elements: Elements) -> None:
    frames = elements.decimals(Tag.NumberOfFrames)
    if frames and frames[0] > 1:
        raise ReaderError(f"{Tag.NumberOfFrames} is {frames[0]:.0f}: several frames; wanted a single film")


def _count(elements: Elements, tag: Tag) -> int:
    number = elements.whole(tag)
    if number is None:
        raise ReaderError(f"{tag} is missing: there is no picture in it")
    return number


def _photometric(elements: Elements) -> tuple[str, int]:
    word = elements.word(Tag.PhotometricInterpretation).upper()
    if word not in vocabulary.PHOTOMETRICS:
        shown = word if word in vocabulary.OTHER_PHOTOMETRICS else "unknown" if word else "missing"
        raise ReaderError(f"{Tag.PhotometricInterpretation} is {shown}; wanted MONOCHROME1, MONOCHROME2, RGB or YBR")
    samples = elements.whole(Tag.SamplesPerPixel)
    wanted = 1 if word.startswith("MONOCHROME") else 3
    if samples not in (None, wanted):
        raise ReaderError(f"{Tag.SamplesPerPixel} is {samples}; {word} has {wanted}")
    return word, wanted


def public_header(elements: Elements, stored: PixelFormat, *, syntax: str, window: str) -> dict[str, Any]:
    """Return all that a film tells of itself: numbers, and words of closed lists.

    Parameters
    ----------
    elements
        Values by the allow-list.
    stored
        How the pixels are stored.
    syntax
        Name of the transfer syntax.
    window
        How the grey scale was chosen.

    Returns
    -------
    dict
        ``format``, ``mode``, ``bits``, ``orientation`` as for every film; ``modality``, ``view``, ``laterality``,
        ``body_part``, ``intent``, ``transfer_syntax``, ``window``, ``lossy``. An unknown word is empty.
    """
    modality = elements.word(Tag.Modality)
    return {
        "format": "DICOM",
        "mode": stored.photometric,
        "bits": stored.stored,
        "orientation": 1,
        "modality": modality if modality in vocabulary.MODALITIES else "",
        "view": _view(elements),
        "laterality": _side(elements),
        "body_part": vocabulary.body_part(elements.word(Tag.BodyPartExamined)),
        "intent": vocabulary.INTENTS.get(elements.word(Tag.PresentationIntentType), ""),
        "transfer_syntax": syntax,
        "window": window,
        "lossy": elements.word(Tag.LossyImageCompression) == "01",
    }


def spacing_mm(elements: Elements) -> float:
    """Return the side of a pixel in the patient, 0 where it is not known or not square.

    ``PixelSpacing`` where it is there; else what the detector measures, less the magnification where that is told.
    """
    spacing = _pair(elements, Tag.PixelSpacing)
    if not spacing:
        magnification = _positive(elements, Tag.EstimatedRadiographicMagnificationFactor)
        spacing = _pair(elements, Tag.ImagerPixelSpacing) / (magnification or 1.0)
    return spacing if 0 < spacing <= MAX_SPACING_MM else 0.0


def _pair(elements: Elements, tag: Tag) -> float:
    try:
        sides = elements.decimals(tag)
    except ReaderError:  # a damaged spacing is no reason to lose the film
        return 0.0
    if len(sides) != 2 or min(sides) <= 0 or abs(sides[0] - sides[1]) > SQUARE * max(sides):
        return 0.0
    return sides[0]


def _positive(elements: Elements, tag: Tag) -> float:
    try:
        return max(0.0, *elements.decimals(tag)[:1], 0.0)
    except ReaderError:
        return 0.0


def _view(elements: Elements) -> str:
    codes = [item.word(Tag.CodeValue) for item in elements.items.get(Tag.ViewCodeSequence, [])]
    found = (vocabulary.VIEW_CODES[code] for code in codes if code in vocabulary.VIEW_CODES)
    return vocabulary.VIEWS.get(elements.word(Tag.ViewPosition).upper()) or next(found, "")


def _side(elements: Elements) -> str:
    sides = (elements.word(Tag.ImageLaterality), elements.word(Tag.Laterality))
    return next((side for side in sides if side in vocabulary.SIDES), "")
