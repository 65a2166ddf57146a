"""Films from files: every mode, every way up, every kind of dirt; and back to PNG without loss."""

import gc
import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from workbench.core.errors import ReaderError
from workbench.imaging import pixels as module
from workbench.imaging.pixels import MAX_PIXELS, MAX_SIDE, Radiograph, check_pixels, read_radiograph, write_png

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
TRUNCATED = ("IMG0004189.jpg", "IMG0004256.jpg")
small_files = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *extra: bytes, depth: int = 8, colour: int = 0, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    content = io.BytesIO()
    image.save(content, format=kind, **options)
    return content.getvalue()


def read_back(folder: Path, content: bytes, name: str = "film.png") -> Radiograph:
    (folder / name).write_bytes(content)
    return read_radiograph(folder / name)


def reason(path: Path) -> str:
    with pytest.raises(ReaderError) as caught:
        read_radiograph(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


# every mode


def test_grey_of_8_bits_has_255_as_white(tmp_path):
    film = read_back(tmp_path, encoded(Image.fromarray(RAMP)))
    assert film.pixels.dtype == np.float32
    assert np.array_equal(film.pixels, RAMP.astype(np.float32) / np.float32(255))
    assert film.header == {"format": "PNG", "mode": "L", "bits": 8, "orientation": 1}
    assert (film.width, film.height, film.spacing_mm) == (8, 6, 0.0)


def test_one_bit_is_black_and_white(tmp_path):
    film = read_back(tmp_path, encoded(Image.fromarray(RAMP > 100)))
    assert np.array_equal(film.pixels, (RAMP > 100).astype(np.float32))
    assert film.header["bits"] == 1


@pytest.mark.parametrize("depth", [2, 4])
def test_few_bits_use_the_whole_scale(tmp_path, depth):
    film = read_back(tmp_path, png(2, 1, depth=depth, rows=b"\x00" + bytes([(2**depth - 1) << (8 - depth)])))
    assert film.pixels.tolist() == [[1.0, 0.0]]


def test_grey_of_16_bits_keeps_every_level(tmp_path):
    deep = np.arange(48, dtype=np.uint16).reshape(6, 8) + 30000
    film = read_back(tmp_path, encoded(Image.fromarray(deep)))
    assert np.array_equal(film.pixels, deep.astype(np.float32) / np.float32(65535))
    assert film.header["bits"] == 16


def test_grey_rgb_reads_exactly_as_grey(tmp_path):
    grey = read_back(tmp_path, encoded(Image.fromarray(RAMP)))
    colour = read_back(tmp_path, encoded(Image.fromarray(RAMP).convert("RGB")))
    assert np.array_equal(grey.pixels, colour.pixels)


def test_colours_become_their_luma(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    film = read_back(tmp_path, encoded(Image.fromarray(colours)))
    assert film.pixels[0].tolist() == pytest.approx([0.299, 0.587, 0.114, 1.0], abs=1e-6)


def test_palette_reads_as_the_colours_it_stands_for(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), mode=None).convert("P")
    image.putpalette([255, 0, 0, 0, 0, 0, 255, 255, 255])
    film = read_back(tmp_path, encoded(image))
    assert film.header["mode"] == "P"
    assert film.pixels[0].tolist() == pytest.approx([0.299, 0.0, 1.0], abs=1e-6)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_lies_on_black(tmp_path, mode):
    image = Image.fromarray(np.full((1, 3), 200, dtype=np.uint8)).convert(mode)
    image.putalpha(Image.fromarray(np.array([[0, 128, 255]], dtype=np.uint8)))
    film = read_back(tmp_path, encoded(image))
    assert film.pixels[0].tolist() == pytest.approx([0, 200 / 255 * 128 / 255, 200 / 255], abs=1e-6)


@pytest.mark.parametrize(("mode", "colour"), [("1", 1), ("L", 200), ("P", 1), ("I;16", 200), ("RGB", (200, 200, 200))])
def test_a_transparent_colour_is_black(tmp_path, mode, colour):
    if mode == "I;16":
        image = Image.fromarray(np.array([[200, 60000]], dtype=np.uint16))
    elif mode == "P":
        image = Image.fromarray(np.array([[1, 0]], dtype=np.uint8)).convert("P")
        image.putpalette([255, 255, 255, 200, 200, 200])
    else:
        image = Image.new(mode, (2, 1), colour)
        image.putpixel((1, 0), 0 if mode == "1" else 100 if mode == "L" else (100, 100, 100))
    opaque = read_back(tmp_path, encoded(image)).pixels
    film = read_back(tmp_path, encoded(image, transparency=colour)).pixels
    assert opaque[0, 0] > 0
    assert film[0, 0] == 0
    assert film[0, 1] == opaque[0, 1]


def test_colour_of_16_bits_reads(tmp_path):
    rows = b"\x00" + struct.pack(">6H", 65535, 65535, 65535, 0, 0, 0)
    film = read_back(tmp_path, png(2, 1, depth=16, colour=2, rows=rows))
    assert film.pixels.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "YCbCr"])
def test_jpeg_of_every_mode_shows_the_same_film(tmp_path, mode):
    smooth = np.linspace(20, 230, 64 * 64).reshape(64, 64).astype(np.uint8)
    image = Image.fromarray(smooth).convert("RGB").convert(mode)
    film = read_back(tmp_path, encoded(image, "JPEG", quality=95), "film.jpg")
    assert film.header["format"] == "JPEG"
    assert np.abs(film.pixels - smooth / 255).max() < 0.02


def test_content_decides_not_the_name(tmp_path):
    assert read_back(tmp_path, encoded(Image.fromarray(RAMP)), "film.jpg").header["format"] == "PNG"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_film_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(RAMP), exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    film = read_back(tmp_path, content)
    assert np.array_equal(np.rint(film.pixels * 255), upright)
    assert film.header["orientation"] == orientation
    assert film.pixels.flags.c_contiguous


def test_a_damaged_exif_does_not_cost_the_film(tmp_path):
    content = encoded(Image.fromarray(RAMP), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    assert read_back(tmp_path, content, "film.jpg").pixels.shape == RAMP.shape


# every kind of dirt


def test_missing_file(tmp_path):
    assert reason(tmp_path / "absent.png") == "no such file"


def test_folder_in_place_of_a_file(tmp_path):
    assert reason(tmp_path) == "not a file"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"patient,label\n1,normal\n", "neither PNG, JPEG nor DICOM by its content"),
        (encoded(Image.fromarray(RAMP), "GIF"), "neither PNG, JPEG nor DICOM by its content"),
        (encoded(Image.fromarray(RAMP), "TIFF"), "neither PNG, JPEG nor DICOM by its content"),
        (png(0, 5), "neither PNG, JPEG nor DICOM by its content, or its head is damaged"),
        (png(MAX_SIDE + 1, 1), f"{MAX_SIDE + 1} x 1 pixels; a film has at most {MAX_SIDE} a side"),
        (png(8193, 8193), f"8193 x 8193 pixels; a film has at most {MAX_SIDE} a side and {MAX_PIXELS} in all"),
        (png(30000, 30000), f"more pixels than {MAX_PIXELS}"),
        (png(8, 8, rows=b"\x00"), "truncated or damaged"),
        (encoded(Image.fromarray(RAMP).resize((200, 200)))[:-40], "truncated or damaged"),
        (encoded(Image.fromarray(RAMP).resize((200, 200)), "JPEG")[:900], "truncated or damaged"),
        (encoded(Image.fromarray(RAMP), "JPEG")[:20], "neither PNG, JPEG nor DICOM by its content"),
    ],
    ids=[
        "empty",
        "text",
        "gif",
        "tiff",
        "no-rows",
        "side",
        "pixels",
        "bomb",
        "no-data",
        "cut-png",
        "cut-jpeg",
        "stump",
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "film.png"
    path.write_bytes(content)
    assert words in reason(path)


def test_an_absurd_size_is_refused_before_decoding(tmp_path, monkeypatch):
    def load(image):
        raise AssertionError("decoded")

    path = tmp_path / "film.png"
    path.write_bytes(encoded(Image.fromarray(RAMP)))
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(AssertionError, match="decoded"):
        read_radiograph(path)
    monkeypatch.setattr(module, "MAX_PIXELS", 40)
    assert "8 x 6 pixels; a film has at most" in reason(path)


@pytest.mark.parametrize("name", TRUNCATED)
def test_real_truncated_films(shared_data, name):
    assert "truncated" in reason(shared_data / "FracAtlas-subset/images/Non_fractured" / name)


def test_a_real_rotated_film_stands_upright(shared_data):
    film = read_radiograph(shared_data / "FracAtlas-subset/images/Fractured/IMG0002628.jpg")
    assert film.header["orientation"] == 8
    assert film.width > film.height


@pytest.fixture(scope="module")
def sound_files() -> list[bytes]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8))
    return [
        encoded(noise),
        encoded(noise.convert("P")),
        encoded(noise, "JPEG"),
        encoded(noise, "JPEG", progressive=True),
    ]


@given(data=st.data())
@small_files
def test_damage_gives_a_film_or_a_reader_error(tmp_path, sound_files, data):
    content = bytearray(data.draw(st.sampled_from(sound_files)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    (tmp_path / "film.png").write_bytes(content)
    try:
        message = f"{read_radiograph(tmp_path / 'film.png').pixels.size} pixels"
    except ReaderError as error:
        message = str(error)
    assert "\n" not in message


def test_no_warning_leaks_and_the_filters_return(tmp_path):
    animation_of_no_frames = chunk(b"acTL", struct.pack(">II", 0, 0))
    path = tmp_path / "film.png"
    path.write_bytes(png(1, 1, animation_of_no_frames, rows=b"\x00\xff"))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        Image.open(path).close()
        assert len(heard) == 1, "Pillow no longer warns of this file: find another"
        heard.clear()
        filters = list(warnings.filters)
        with ThreadPoolExecutor(4) as threads:
            films = list(threads.map(read_radiograph, [path] * 40))
        assert all(film.pixels.tolist() == [[1.0]] for film in films)
        assert heard == []
        assert list(warnings.filters) == filters


def test_no_file_stays_open(tmp_path):
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(encoded(Image.fromarray(RAMP).resize((200, 200)), "JPEG")[:900])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        read_back(tmp_path, encoded(Image.fromarray(RAMP)))
        reason(cut)
        gc.collect()


# films and back


@given(levels=st.integers(1, 9).flatmap(lambda side: st.binary(min_size=side * 7, max_size=side * 7)))
@small_files
def test_png_keeps_every_level(tmp_path, levels):
    pixels = np.frombuffer(levels, dtype=np.uint8).reshape(-1, 7).astype(np.float32) / np.float32(255)
    write_png(tmp_path / "film.png", pixels)
    assert np.array_equal(read_radiograph(tmp_path / "film.png").pixels, pixels)


@given(seed=st.integers(0, 2**32 - 1))
@small_files
def test_png_rounds_to_the_nearest_level(tmp_path, seed):
    pixels = np.random.default_rng(seed).random((5, 4), dtype=np.float32)
    write_png(tmp_path / "film.png", pixels)
    assert np.abs(read_radiograph(tmp_path / "film.png").pixels - pixels).max() <= 0.5 / 255 + 1e-6


def test_png_is_deterministic_and_leaves_nothing_else(tmp_path):
    pixels = np.random.default_rng(3).random((40, 30), dtype=np.float32)
    write_png(tmp_path / "new" / "one.png", pixels)
    write_png(tmp_path / "new" / "two.png", pixels.copy())
    assert (tmp_path / "new" / "one.png").read_bytes() == (tmp_path / "new" / "two.png").read_bytes()
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == ["one.png", "two.png"]


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.array([[0.0, np.nan]]), "pixels from nan to nan"),
        (np.array([[0.0, np.inf]]), "pixels from 0 to inf"),
        (np.array([[0.0, 1.5]]), "pixels from 0 to 1.5; wanted numbers from 0 (black) to 1 (white)"),
        (np.array([[-0.1, 1.0]]), "pixels from -0.1 to 1"),
        (np.zeros((0, 4)), "4 x 0 pixels: there is nothing to see"),
        (np.zeros((1, MAX_SIDE + 1)), f"at most {MAX_SIDE} a side"),
    ],
)
def test_what_is_no_film_is_refused(tmp_path, pixels, words):
    pixels = pixels.astype(np.float32)
    for refuse in (check_pixels, Radiograph, lambda each: write_png(tmp_path / "film.png", each)):
        with pytest.raises(ReaderError) as caught:
            refuse(pixels)
        assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []
