"""JPEG of more than 8 bits: lossless and extended sequential, in numpy.

Of the decoders that pydicom knows, one is under the GPL and another ends the whole process on a damaged stream; this
one is bounded by the frame it is told to expect. Grey only, as radiographs are.
"""

import numpy as np

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.jpeg_heads import BASELINE, EXTENDED, LOSSLESS, read_scan
from workbench.imaging.dicom.jpeg_lossless import decode_lossless
from workbench.imaging.dicom.jpeg_sequential import decode_sequential


def decode_jpeg(stream: bytes) -> np.ndarray:
    """Decode a grey stream whose frame header has been checked.

    Parameters
    ----------
    stream
        Lossless, or extended sequential.

    Returns
    -------
    np.ndarray
        (h, w) uint16.

    Raises
    ------
    ReaderError
        The stream is damaged, or of another kind.
    """
    scan = read_scan(stream)
    if scan.frame.components != 1:
        raise ReaderError("a JPEG stream of more than 8 bits, or lossless, in colour; wanted grey")
    if scan.frame.marker == LOSSLESS:
        return decode_lossless(scan)
    if scan.frame.marker in (BASELINE, EXTENDED):
        return decode_sequential(scan)
    raise ReaderError("a JPEG stream that is neither lossless nor sequential with Huffman codes")
