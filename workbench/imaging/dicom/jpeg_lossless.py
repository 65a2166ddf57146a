"""Lossless JPEG: differences to what the neighbours predict, by any of its seven predictors."""

import numpy as np

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.huffman import HuffmanTable, number_bits, pieces
from workbench.imaging.dicom.jpeg_heads import ENDED, Scan


def decode_lossless(scan: Scan) -> np.ndarray:
    """Return samples (h, w) uint16; restarts begin anew at whole rows."""
    frame = scan.frame
    if scan.restart % frame.columns or not 1 <= scan.predictor <= 7 or scan.shift >= frame.precision:
        raise ReaderError("damaged: the lossless JPEG stream has a predictor, shift or restart that cannot be")
    strips = []
    for segment, count in scan.segments(frame.rows * frame.columns):
        differences = _differences(segment, scan.table(0), count).reshape(-1, frame.columns)
        differences[0, 0] += 1 << (frame.precision - scan.shift - 1)
        strips.append(_predicted(differences, scan.predictor))
    return np.concatenate(strips) << np.uint16(scan.shift)


def _differences(stream: bytes, table: HuffmanTable, count: int) -> np.ndarray:
    """Return so many differences (count,) int32, each a code of its size and then its bits."""
    found, wanted, position = [], count, 0
    for piece in pieces(stream, overlap=8):
        positions, position = _walk(table.steps[piece.windows()].tobytes(), position, piece.bits, wanted)
        codes = piece.windows_at(positions)
        lengths, sizes = table.lengths[codes], table.symbols[codes]
        if not lengths.all() or (sizes > 16).any() or (piece.is_last and position > piece.bits):
            raise ReaderError(ENDED)
        numbers = piece.numbers(positions + lengths, number_bits(sizes))
        found.append(np.where(sizes == 16, 32768, numbers))
        wanted -= len(positions)
        position -= piece.bits
        if wanted == 0:
            return np.concatenate(found)
    raise ReaderError(ENDED)


def _walk(steps: bytes, position: int, end: int, most: int) -> tuple[np.ndarray, int]:
    """Return the positions of the codes from one on, until an end or so many, and where the next one begins."""
    positions: list[int] = []
    keep = positions.append
    for _ in range(most):
        if position >= end:
            break
        keep(position)
        position += steps[position]
    return np.array(positions, dtype=np.int32), position


def _predicted(differences: np.ndarray, predictor: int) -> np.ndarray:
    """Return samples (h, w) uint16 from differences to what their neighbours predict."""
    if predictor == 1:
        differences[:, 0] = np.cumsum(differences[:, 0])
        return np.cumsum(differences, axis=1, dtype=np.int32).astype(np.uint16)
    if predictor == 4:
        return np.cumsum(np.cumsum(differences, axis=0, dtype=np.int32), axis=1, dtype=np.int32).astype(np.uint16)
    differences[0] = np.cumsum(differences[0])
    if predictor == 2:
        return np.cumsum(differences, axis=0, dtype=np.int32).astype(np.uint16)
    return _by_diagonals(differences, predictor)


def _by_diagonals(differences: np.ndarray, predictor: int) -> np.ndarray:
    """Undo a predictor that is no sum: samples of one anti-diagonal depend on earlier ones only."""
    rows, columns = differences.shape
    differences[:, 0] = np.cumsum(differences[:, 0])
    samples = (differences & 0xFFFF).ravel()  # the first row and column are done; the others become so
    for diagonal in range(2, rows + columns - 1):
        first, last = max(1, diagonal - columns + 1), min(rows - 1, diagonal - 1)
        if first > last:
            continue
        here = np.arange(first, last + 1) * (columns - 1) + diagonal
        left, above, corner = samples[here - 1], samples[here - columns], samples[here - columns - 1]
        samples[here] = (samples[here] + _prediction(predictor, left, above, corner)) & 0xFFFF
    return samples.reshape(rows, columns).astype(np.uint16)


def _prediction(predictor: int, left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    if predictor == 3:
        return corner
    if predictor == 5:
        return left + ((above - corner) >> 1)
    if predictor == 6:
        return above + ((left - corner) >> 1)
    return (left + above) >> 1
