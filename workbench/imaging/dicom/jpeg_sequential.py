"""Sequential JPEG with Huffman codes: blocks of 8 x 8 cosines, of up to 12 bits."""

import numpy as np

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.huffman import NO_CODE, Piece, number_bits, pieces
from workbench.imaging.dicom.jpeg_heads import ENDED, Scan

_BLOCK = 64
_BLOCK_BYTES = 256
"""The longest block: 64 codes of 16 bits, each with a number of 16."""


def decode_sequential(scan: Scan) -> np.ndarray:
    """Return samples (h, w) uint16 of a grey stream."""
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
            raise ReaderError(ENDED)
        walk.put_others(others)
        done += len(firsts[-1])
        position -= piece.bits
        if done == count:
            coefficients = others.reshape(count, _BLOCK)
            coefficients[:, 0] = np.cumsum(np.concatenate(firsts))
            return coefficients
    raise ReaderError(ENDED)


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
