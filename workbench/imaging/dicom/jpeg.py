"""JPEG of more than 8 bits: lossless (all predictors) and extended sequential, in numpy.

Of the decoders that pydicom knows, one is under the GPL and another ends the whole process on a damaged stream; this
one is bounded by the frame it is told to expect. Grey only, as radiographs are.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.huffman import NO_CODE, HuffmanTable, Piece, huffman_table, number_bits, pieces

LOSSLESS, BASELINE, EXTENDED = 0xC3, 0xC0, 0xC1
FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
"""Markers of a frame header; that of JPEG-LS is among them."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_BLOCK = 64
_BLOCK_BYTES = 256
"""The longest block: 64 codes of 16 bits, each with a number of 16."""
_ENDED = "truncated or damaged: the JPEG stream ends before its last row"


@dataclass(frozen=True)
class Frame:
    """What the frame header of a JPEG stream says.

    Parameters
    ----------
    marker
        The kind of compression.
    precision
        Bits of a sample.
    """

    marker: int
    precision: int
    rows: int
    columns: int
    components: int


@dataclass
class Scan:
    """What a scan needs: its tables, its predictor, and its bytes."""

    frame: Frame
    table_ids: tuple[int, int] = (0, 0)
    predictor: int = 0
    shift: int = 0
    selection: tuple[int, ...] = ()
    restart: int = 0
    huffman: dict[tuple[int, int], HuffmanTable] = field(default_factory=dict)
    quantisation: dict[int, np.ndarray] = field(default_factory=dict)
    quantisation_id: int = 0
    stream: bytes = b""

    def table(self, kind: int) -> HuffmanTable:
        """Return the Huffman table of the first coefficient (0) or of the others (1)."""
        try:
            return self.huffman[kind, self.table_ids[kind]]
        except KeyError:
            raise ReaderError("damaged: the JPEG stream lacks a Huffman table") from None

    def segments(self, units: int) -> Iterator[tuple[bytes, int]]:
        """Yield the stream between restart marks, stuffed bytes taken out, with the units that each holds."""
        for part in re.split(rb"\xff+[\xd0-\xd7]", self.stream):
            if units <= 0:
                return
            count = min(units, self.restart or units)
            yield part.replace(b"\xff\x00", b"\xff"), count
            units -= count
        if units > 0:
            raise ReaderError(_ENDED)


def segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker segments of a JPEG or JPEG-LS stream up to its first scan: marker, start and end of the body."""
    at = 2
    while at + 4 <= len(stream):
        if stream[at] != 0xFF:
            raise ReaderError("damaged: the JPEG stream has something that is no marker in its head")
        marker = stream[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", stream, at + 2)[0]
        if length < 2 or at + 2 + length > len(stream):
            raise ReaderError("truncated or damaged: a head of the JPEG stream is cut short")
        yield marker, at + 4, at + 2 + length
        if marker == 0xDA:
            return
        at += 2 + length


def frame_header(stream: bytes) -> Frame:
    """Return the frame header of a JPEG or JPEG-LS stream; a ReaderError where there is none."""
    if not stream.startswith(b"\xff\xd8"):
        raise ReaderError("damaged: the compressed stream is no JPEG")
    for marker, start, end in segments(stream):
        if marker in FRAMES and end - start >= 6:
            precision, rows, columns, components = struct.unpack_from(">BHHB", stream, start)
            return Frame(marker, precision, rows, columns, components)
    raise ReaderError("truncated or damaged: the JPEG stream has no frame header")


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
    scan = _scan(stream)
    if scan.frame.components != 1:
        raise ReaderError("a JPEG stream of more than 8 bits, or lossless, in colour; wanted grey")
    if scan.frame.marker == LOSSLESS:
        return _lossless(scan)
    if scan.frame.marker in (BASELINE, EXTENDED):
        return _sequential(scan)
    raise ReaderError("a JPEG stream that is neither lossless nor sequential with Huffman codes")


def _scan(stream: bytes) -> Scan:
    scan = Scan(frame_header(stream))
    for marker, start, end in segments(stream):
        body = stream[start:end]
        if marker == 0xC4:
            scan.huffman.update(_huffman_tables(body))
        elif marker == 0xDB:
            scan.quantisation.update(_quantisation_tables(body))
        elif marker == 0xDD and len(body) == 2:
            scan.restart = struct.unpack(">H", body)[0]
        elif marker in FRAMES and len(body) >= 9:
            scan.quantisation_id = body[8]
        elif marker == 0xDA:
            if len(body) < 6 or body[0] != 1:
                raise ReaderError("damaged: the JPEG stream has a scan of no or several colours")
            scan.table_ids = (body[2] >> 4, body[2] & 15)
            scan.predictor, scan.shift, scan.selection = body[3], body[5] & 15, tuple(body[3:6])
            ends = re.search(rb"\xff[^\x00\xd0-\xd7\xff]", stream[end:])
            scan.stream = stream[end : end + ends.start() if ends else len(stream)]
            return scan
    raise ReaderError("truncated or damaged: the JPEG stream has no scan")


def _huffman_tables(body: bytes) -> Iterator[tuple[tuple[int, int], HuffmanTable]]:
    at = 0
    while at + 17 <= len(body):
        counts = body[at + 1 : at + 17]
        symbols = body[at + 17 : at + 17 + sum(counts)]
        if len(symbols) < sum(counts):
            raise ReaderError("damaged: a Huffman table of the JPEG stream is cut short")
        yield (body[at] >> 4, body[at] & 15), huffman_table(counts, symbols)
        at += 17 + sum(counts)


def _quantisation_tables(body: bytes) -> Iterator[tuple[int, np.ndarray]]:
    at = 0
    while at < len(body):
        kind = np.dtype(">u2" if body[at] >> 4 else "u1")
        if at + 1 + _BLOCK * kind.itemsize > len(body):
            raise ReaderError("damaged: a quantisation table of the JPEG stream is cut short")
        yield body[at] & 15, np.frombuffer(body, kind, _BLOCK, at + 1).astype(np.float32)
        at += 1 + _BLOCK * kind.itemsize


def _lossless(scan: Scan) -> np.ndarray:
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
            raise ReaderError(_ENDED)
        numbers = piece.numbers(positions + lengths, number_bits(sizes))
        found.append(np.where(sizes == 16, 32768, numbers))
        wanted -= len(positions)
        position -= piece.bits
        if wanted == 0:
            return np.concatenate(found)
    raise ReaderError(_ENDED)


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


def _sequential(scan: Scan) -> np.ndarray:
    frame = scan.frame
    if scan.selection != (0, _BLOCK - 1, 0):
        first, last, _ = scan.selection
        raise ReaderError(f"damaged: the JPEG stream's scan has coefficients {first} to {last}; wanted 0 to 63 at once")
    down, across = -(-frame.rows // 8), -(-frame.columns // 8)
    blocks = [_blocks(segment, scan, count) for segment, count in scan.segments(down * across)]
    try:
        coefficients = np.concatenate(blocks) * scan.quantisation[scan.quantisation_id]
    except KeyError:
        raise ReaderError("damaged: the JPEG stream lacks its quantisation table") from None
    waves = _cosines()
    natural = np.empty_like(coefficients)
    natural[:, _zigzag()] = coefficients
    patches = waves.T @ natural.reshape(-1, 8, 8) @ waves
    film = patches.reshape(down, across, 8, 8).swapaxes(1, 2).reshape(down * 8, across * 8)
    film = np.rint(film[: frame.rows, : frame.columns] + 2.0 ** (frame.precision - 1))
    return np.clip(film, 0, 2**frame.precision - 1).astype(np.uint16)


def _blocks(stream: bytes, scan: Scan, count: int) -> np.ndarray:
    """Return the coefficients (count, 64) float32 of so many blocks, in zigzag order."""
    firsts: list[np.ndarray] = []
    others = np.zeros(count * _BLOCK, dtype=np.float32)
    done, position = 0, 0
    for piece in pieces(stream, overlap=_BLOCK_BYTES):
        walk = _BlockWalk(piece, scan)
        position = walk.run(position, count - done, done)
        firsts.append(walk.firsts())
        if walk.is_broken or (piece.is_last and position > piece.bits):
            raise ReaderError(_ENDED)
        walk.put_others(others)
        done += len(firsts[-1])
        position -= piece.bits
        if done == count:
            coefficients = others.reshape(count, _BLOCK)
            coefficients[:, 0] = np.cumsum(np.concatenate(firsts))
            return coefficients
    raise ReaderError(_ENDED)


class _BlockWalk:
    """Walks from code to code of whole blocks in a piece."""

    def __init__(self, piece: Piece, scan: Scan) -> None:
        self._piece = piece
        self._tables = (scan.table(0), scan.table(1))
        windows = piece.windows()
        self._steps = [table.steps[windows].tobytes() for table in self._tables]
        symbols = self._tables[1].symbols
        self._jumps = np.where(symbols == 0, _BLOCK, (symbols >> 4) + 1).astype(np.uint8)[windows].tobytes()
        self._first_at: list[int] = []
        self._other_at: list[int] = []
        self._other_index: list[int] = []
        self.is_broken = False

    def run(self, position: int, most: int, done: int) -> int:
        """Walk through blocks that begin in the piece, until so many; return where the next one begins."""
        (first_steps, other_steps), jumps = self._steps, self._jumps
        end, last = self._piece.bits, len(jumps)
        for block in range(done, done + most):
            if position >= end:
                break
            self._first_at.append(position)
            position += first_steps[position]
            index = 0
            while index < _BLOCK - 1:
                if position >= last or other_steps[position] == NO_CODE:
                    self.is_broken = True
                    return position
                index += jumps[position]
                self._other_at.append(position)
                self._other_index.append(block * _BLOCK + min(index, _BLOCK - 1))
                position += other_steps[position]
        return position

    def firsts(self) -> np.ndarray:
        """Return the difference of each block's mean to the one before."""
        positions = np.array(self._first_at, dtype=np.int32)
        codes = self._piece.windows_at(positions)
        self.is_broken |= not self._tables[0].lengths[codes].all()
        return self._numbers(0, positions, codes)

    def put_others(self, coefficients: np.ndarray) -> None:
        """Write the other coefficients where they belong; ends of blocks and runs of zeros write nothing."""
        positions, index = np.array(self._other_at, dtype=np.int32), np.array(self._other_index, dtype=np.int64)
        codes = self._piece.windows_at(positions)
        is_number = number_bits(self._tables[1].symbols[codes]) > 0
        coefficients[index[is_number]] = self._numbers(1, positions[is_number], codes[is_number])

    def _numbers(self, kind: int, positions: np.ndarray, codes: np.ndarray) -> np.ndarray:
        table = self._tables[kind]
        return self._piece.numbers(positions + table.lengths[codes], number_bits(table.symbols[codes]))


def _zigzag() -> np.ndarray:
    """Return the natural index of each coefficient in zigzag order."""
    rows, columns = np.divmod(np.arange(_BLOCK), 8)
    diagonal = rows + columns
    return np.lexsort((np.where(diagonal % 2, rows, columns), diagonal))


def _cosines() -> np.ndarray:
    """Return the orthonormal cosine transform (frequency, place) of 8 samples."""
    frequency, place = np.arange(8)[:, None], np.arange(8)[None]
    waves = np.cos((2 * place + 1) * frequency * np.pi / 16) / 2
    waves[0] = np.sqrt(1 / 8)
    return waves.astype(np.float32)
