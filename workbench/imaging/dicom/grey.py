"""Stored values to grey: modality before values of interest, then polarity, as DICOM's grey scale pipeline has it.

Each step is a function of one stored value of 16 bits at most, so a table of all values is worked out in float64 and
looked up once: exact, and as costly for an absurd slope as for a plain one.
"""

from dataclasses import dataclass

import numpy as np

from workbench.core.arrays import FilmPixels
from workbench.core.errors import OptionError, ReaderError
from workbench.imaging.dicom.elements import Elements
from workbench.imaging.dicom.header import PixelFormat
from workbench.imaging.dicom.tags import Tag

TAIL = 0.001
"""Share of the pixels at either end of the grey scale that may saturate where no window says what to show."""
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class LookupTable:
    """What a value maps to: ``outputs[value - first]``, its ends for values beyond.

    Parameters
    ----------
    outputs
        (entries,).
    first
        The value of the first entry.
    highest
        The output that stands for white.
    """

    outputs: np.ndarray
    first: int
    highest: int

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return what the values map to."""
        index = np.clip(np.rint(values) - self.first, 0, len(self.outputs) - 1)
        return self.outputs[index.astype(np.int64)].astype(np.float64)


@dataclass(frozen=True)
class Window:
    """A range of values to show, with one of the three functions of DICOM."""

    center: float
    width: float
    function: str

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return 0..1."""
        if self.function == "SIGMOID":
            return 1 / (1 + np.exp(np.clip(-4 * (values - self.center) / self.width, -700, 700)))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return (values > self.center - 0.5).astype(np.float64)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)

    def __str__(self) -> str:
        return f"{self.function} center {self.center:g} width {self.width:g}"


def grey_film(indices: np.ndarray, elements: Elements, stored: PixelFormat, window: int) -> tuple[FilmPixels, str]:
    """Return the film as a viewer shows it, and how its range was chosen.

    Parameters
    ----------
    indices
        (h, w), the stored bits of each pixel as an unsigned number.
    elements
        Values by the allow-list.
    stored
        How the pixels are stored.
    window
        Which preset: the lookup tables first, then the windows, in the order of the file.

    Returns
    -------
    tuple of FilmPixels and str
        Bones bright (MONOCHROME1 is inverted), padding black.
    """
    levels = np.arange(2**stored.stored)
    if stored.is_signed:
        levels = np.where(levels < 2 ** (stored.stored - 1), levels, levels - 2**stored.stored)
    is_padding = _padding(elements, levels, stored)
    values = _modality_values(elements, levels, stored)
    shown, description = _shown(elements, values, window)
    if shown is None:
        counts = np.bincount(indices.ravel(), minlength=len(levels))
        shown, description = _unwindowed(values, np.where(is_padding, 0, counts), stored)
    if stored.photometric == "MONOCHROME1":
        shown = 1 - shown
    table = np.where(is_padding, 0, shown).astype(np.float32)
    return table[indices], description


def _modality_values(elements: Elements, levels: np.ndarray, stored: PixelFormat) -> np.ndarray:
    tables = elements.items.get(Tag.ModalityLUTSequence, [])
    if tables:
        return _lookup_table(tables[0], "Modality LUT", is_signed=stored.is_signed)(levels)
    slopes, intercepts = elements.decimals(Tag.RescaleSlope), elements.decimals(Tag.RescaleIntercept)
    slope, intercept = (*slopes, 1.0)[0], (*intercepts, 0.0)[0]
    if slope == 0:
        raise ReaderError(f"{Tag.RescaleSlope} is 0: every pixel would be the same")
    with np.errstate(over="ignore", invalid="ignore"):
        values = levels * slope + intercept
    if not np.isfinite(values).all() or np.ptp(values) in (0, np.inf):
        raise ReaderError(f"{Tag.RescaleSlope} {slope:g} and {Tag.RescaleIntercept} {intercept:g} leave no grey scale")
    return values


def _shown(elements: Elements, values: np.ndarray, window: int) -> tuple[np.ndarray | None, str]:
    """Return the values in 0..1 by the preset asked for; None where the file has none at all."""
    tables = elements.items.get(Tag.VOILUTSequence, [])
    windows = _windows(elements)
    if not (tables or windows) and window == 0:
        return None, ""
    if not 0 <= window < len(tables) + len(windows):
        raise OptionError(f"window {window}; this film has {len(tables) + len(windows)} presets, counted from 0")
    if window < len(tables):
        table = _lookup_table(tables[window], "VOI LUT", is_signed=bool(values.min() < 0))
        return table(values) / table.highest, f"VOI LUT of {len(table.outputs)} entries"
    chosen = windows[window - len(tables)]
    with np.errstate(over="ignore"):
        return chosen(values), str(chosen)


def _windows(elements: Elements) -> list[Window]:
    centers, widths = elements.decimals(Tag.WindowCenter), elements.decimals(Tag.WindowWidth)
    function = elements.word(Tag.VOILUTFunction) or "LINEAR"
    if function not in FUNCTIONS:
        raise ReaderError(f"{Tag.VOILUTFunction} is unknown; wanted {', '.join(FUNCTIONS)}")
    for width in widths:
        if width <= 0 or (width < 1 and function == "LINEAR"):
            least = "at least 1" if function == "LINEAR" else "more than 0"
            raise ReaderError(f"{Tag.WindowWidth} is {width:g}; wanted {least}")
    return [Window(center, width, function) for center, width in zip(centers, widths, strict=False)]


def _unwindowed(values: np.ndarray, counts: np.ndarray, stored: PixelFormat) -> tuple[np.ndarray, str]:
    """Return the values in 0..1 where the file has no window: 8 bits as a picture, more bits by what is there."""
    low, high = float(values.min()), float(values.max())
    description = "whole range"
    if stored.stored > 8 and counts.any():
        order = np.argsort(values, kind="stable")
        below = np.cumsum(counts[order]) / counts.sum()
        found = values[order][np.searchsorted(below, [TAIL, 1 - TAIL])]
        if found[0] < found[1]:
            low, high = float(found[0]), float(found[1])
            description = f"{low:g} to {high:g}, all but {TAIL:.1%} of the pixels at either end"
    return (np.clip(values, low, high) - low) / ((high - low) or 1.0), description


def _padding(elements: Elements, levels: np.ndarray, stored: PixelFormat) -> np.ndarray:
    """Say which levels stand for no measurement: the padding value, or the range from it to its limit."""
    ends = [elements.whole(tag) for tag in (Tag.PixelPaddingValue, Tag.PixelPaddingRangeLimit)]
    known = [_as_level(end, stored) for end in ends if end is not None]
    if ends[0] is None:
        return np.zeros(len(levels), dtype=bool)
    return (levels >= min(known)) & (levels <= max(known))


def _as_level(number: int, stored: PixelFormat) -> int:
    """Return 16 bits as the number they stand for among signed or unsigned levels."""
    number &= 0xFFFF
    return number - 0x10000 if stored.is_signed and number >= 0x8000 else number


def _lookup_table(elements: Elements, name: str, *, is_signed: bool) -> LookupTable:
    descriptor = elements.values.get(Tag.LUTDescriptor, b"")
    order = "<" if elements.is_little_endian else ">"
    if len(descriptor) != 6:
        raise ReaderError(f"{name}: {Tag.LUTDescriptor} has {len(descriptor)} bytes; wanted three numbers of 16 bits")
    entries, first, bits = (int(each) for each in np.frombuffer(descriptor, f"{order}u2"))
    entries = entries or 2**16
    content = elements.values.get(Tag.LUTData, b"")
    if not 1 <= bits <= 16:
        raise ReaderError(f"{name}: {Tag.LUTDescriptor} says {bits} bits; wanted 1 to 16")
    if len(content) == 2 * entries:
        outputs = np.frombuffer(content, f"{order}u2")
    elif len(content) in (entries, entries + 1) and bits <= 8:
        outputs = np.frombuffer(content, np.uint8)[:entries]
    else:
        raise ReaderError(f"{name}: {Tag.LUTData} has {len(content)} bytes; {entries} entries of {bits} bits are told")
    highest = max(2**bits - 1, int(outputs.max()))  # some writers tell fewer bits than they use
    return LookupTable(outputs, first - 0x10000 if is_signed and first >= 0x8000 else first, highest)
