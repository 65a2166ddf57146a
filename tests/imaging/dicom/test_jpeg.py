"""Our JPEG decoders against a plain encoder of each predictor, and 12 bits against Pillow's 8."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.jpeg import decode_jpeg

SIZES = bytes(range(17))
COUNTS = bytes([0, 0, 0, 0, 17, *[0] * 11])
"""A Huffman table that gives each of the 17 sizes a code of 5 bits: the size itself."""


def slow_prediction(samples: np.ndarray, row: int, column: int, predictor: int, first: int) -> int:
    left, above = samples[row, column - 1], samples[row - 1, column]
    corner = samples[row - 1, column - 1]
    if row == 0:
        return first if column == 0 else int(left)
    if column == 0:
        return int(above)
    a, b, c = int(left), int(above), int(corner)
    return [0, a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1][predictor]


def lossless(samples: np.ndarray, predictor: int, bits: int, restart_rows: int = 0) -> bytes:
    """Encode one sample after the other, as ITU-T T.81 annex H has it."""
    rows, columns = samples.shape
    strips = [samples] if not restart_rows else [samples[at : at + restart_rows] for at in range(0, rows, restart_rows)]
    parts = []
    for strip in strips:
        digits = []
        for row in range(strip.shape[0]):
            for column in range(columns):
                guess = slow_prediction(strip, row, column, predictor, 1 << (bits - 1))
                digits.append(digits_of((int(strip[row, column]) - guess + 32767) % 65536 - 32767))
        text = "".join(digits)
        text += "1" * (-len(text) % 8)
        parts.append(bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)).replace(b"\xff", b"\xff\x00"))
    scan = b"".join(part + bytes([0xFF, 0xD0 + index % 8]) for index, part in enumerate(parts))[:-2]
    restart = segment(0xDD, struct.pack(">H", restart_rows * columns)) if restart_rows else b""
    frame = segment(0xC3, struct.pack(">BHHBBBB", bits, rows, columns, 1, 1, 0x11, 0))
    tables = segment(0xC4, b"\0" + COUNTS + SIZES)
    return (
        b"\xff\xd8" + frame + tables + restart + segment(0xDA, bytes([1, 1, 0, predictor, 0, 0])) + scan + b"\xff\xd9"
    )


def digits_of(difference: int) -> str:
    size = 16 if difference == 32768 else abs(difference).bit_length()
    if size in (0, 16):
        return f"{size:05b}"
    return f"{size:05b}{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("bits", "shape"), [(8, (9, 7)), (12, (13, 20)), (16, (20, 11)), (16, (1, 9)), (10, (9, 1))])
def test_lossless_by_every_predictor(predictor, bits, shape):
    samples = np.random.default_rng(predictor).integers(0, 2**bits, shape).astype(np.uint16)
    assert np.array_equal(decode_jpeg(lossless(samples, predictor, bits)), samples)


def test_lossless_with_restarts():
    samples = np.random.default_rng(0).integers(0, 4096, (10, 6)).astype(np.uint16)
    assert np.array_equal(decode_jpeg(lossless(samples, 1, 12, restart_rows=3)), samples)


def test_lossless_that_spans_several_pieces():
    samples = np.random.default_rng(0).integers(0, 65536, (220, 300)).astype(np.uint16)
    stream = lossless(samples, 1, 16)
    assert len(stream) > 2**17
    assert np.array_equal(decode_jpeg(stream), samples)


@pytest.mark.parametrize("options", [{"quality": 90}, {"quality": 30}, {"quality": 90, "restart_marker_blocks": 3}])
@pytest.mark.parametrize("shape", [(64, 64), (50, 61), (300, 280)])
def test_sequential_agrees_with_pillow(shape, options):
    noise = np.random.default_rng(0).normal(0, 15, shape)
    picture = np.clip(np.linspace(0, 255, shape[1])[None] + noise, 0, 255).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "JPEG", **options)
    ours = decode_jpeg(content.getvalue()).astype(int)
    theirs = np.asarray(Image.open(content)).astype(int)
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_what_is_cut_off_is_refused(share):
    samples = np.random.default_rng(0).integers(0, 4096, (40, 40)).astype(np.uint16)
    content = io.BytesIO()
    Image.fromarray((samples // 16).astype(np.uint8)).save(content, "JPEG")
    for stream in (lossless(samples, 1, 12), content.getvalue()):
        with pytest.raises(ReaderError, match="damaged"):
            decode_jpeg(stream[: int(share * len(stream))])


def test_damage_gives_pixels_or_a_reader_error():
    generator = np.random.default_rng(0)
    samples = generator.integers(0, 4096, (30, 30)).astype(np.uint16)
    content = io.BytesIO()
    Image.fromarray((samples // 16).astype(np.uint8)).save(content, "JPEG")
    refused = 0
    for sound in (lossless(samples, 7, 12), content.getvalue()):
        for _ in range(150):
            stream = bytearray(sound)
            for at in generator.integers(20, len(stream), 3):  # the frame's size is another module's to check
                stream[at] = generator.integers(0, 256)
            try:
                assert decode_jpeg(bytes(stream)).dtype == np.uint16
            except ReaderError:
                refused += 1
    assert refused > 20
