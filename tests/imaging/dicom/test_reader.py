"""Every transfer syntax gives back the pixels it was made of, and pydicom and its own files agree."""

import importlib.metadata
import io
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_files
from pydicom.pixels import get_encoder

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.reader import read_dicom
from workbench.imaging.pixels import read_radiograph

RAMP = (np.arange(72 * 64).reshape(72, 64) % 4096).astype(np.uint16)
NOISE = np.random.default_rng(0).integers(0, 4096, (72, 64)).astype(np.uint16)
COLOURS = np.random.default_rng(1).integers(0, 256, (72, 64, 3)).astype(np.uint8)
WHOLE_12 = {"BitsStored": 12, "WindowCenter": "2048", "WindowWidth": "4096"}
UID = "1.2.840.10008.1.2"
PYDICOM_FILES = (
    *("JPGExtended", "JPEG2000", "MR_small_RLE", "MR_small_jpeg_ls_lossless", "MR_small_jp2klossless", "SC_rgb_rle"),
    *("MR_small_bigendian", "MR_small_implicit", "MR_small_padded", "image_dfl", "J2K_pixelrep_mismatch", "693_J2KI"),
    *("JPEGLSNearLossless_16", "SC_rgb_jpeg_dcmtk", "SC_rgb_jpeg_lossy_gdcm", "SC_rgb_dcmtk_+eb+cr", "liver_1frame"),
)
ROOT = Path(__file__).resolve().parents[3]


def encoded(pixels: np.ndarray, syntax: str, bits: int, **options) -> bytes:
    samples = 1 if pixels.ndim == 2 else 3
    encoder = get_encoder(syntax)
    return bytes(
        encoder.encode(
            pixels.tobytes(),
            rows=pixels.shape[0],
            columns=pixels.shape[1],
            samples_per_pixel=samples,
            number_of_frames=1,
            bits_allocated=8 * pixels.dtype.itemsize,
            bits_stored=bits,
            pixel_representation=int(pixels.dtype.kind == "i"),
            photometric_interpretation="MONOCHROME2" if samples == 1 else "RGB",
            **({"planar_configuration": 0} if samples == 3 else {}),
            **options,
        )
    )


def test_a_film_reads_by_its_content_whatever_its_name(film_file):
    path = film_file(NOISE, **WHOLE_12)
    film = read_radiograph(path.rename(path.with_name("film.png")))
    assert film.pixels.dtype == np.float32
    assert np.allclose(film.pixels, NOISE / 4095, atol=1e-6)
    assert (film.header["format"], film.header["bits"], film.header["modality"]) == ("DICOM", 12, "DX")


@pytest.mark.parametrize("syntax", ["", ".1", ".1.99", ".2"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16])
def test_uncompressed_syntaxes_give_their_pixels(film_file, syntax, kind):
    pixels = (NOISE % 256).astype(kind) if kind == np.uint8 else NOISE.astype(kind)
    window = {"WindowCenter": "2048", "WindowWidth": "4096"} if kind != np.uint8 else {}
    film = read_dicom(film_file(pixels, syntax=UID + syntax, **window))
    assert np.allclose(film.pixels, pixels / (255 if kind == np.uint8 else 4095), atol=1e-6)


@pytest.mark.parametrize(("syntax", "error"), [(".5", 0), (".4.80", 0), (".4.90", 0), (".4.81", 2), (".4.91", 60)])
def test_encoders_of_others_are_undone(film_file, syntax, error):
    options = {".4.81": {"jls_error": 2}, ".4.91": {"j2k_cr": [4]}}.get(syntax, {})
    pixels = RAMP if error else NOISE
    stream = encoded(pixels, UID + syntax, 12, **options)
    film = read_dicom(film_file(pixels, syntax=UID + syntax, stream=stream, **WHOLE_12))
    assert np.abs(np.rint(film.pixels * 4095) - pixels).max() <= error


@pytest.mark.parametrize("syntax", [".5", ".4.80", ".4.90"])
def test_signed_pixels_survive_compression(film_file, syntax):
    pixels = NOISE.astype(np.int16) - 2048
    stream = encoded(pixels, UID + syntax, 12)
    told = {"WindowCenter": "0", "WindowWidth": "4096", "BitsStored": 12}
    film = read_dicom(film_file(pixels, syntax=UID + syntax, stream=stream, **told))
    assert np.allclose(film.pixels, NOISE / 4095, atol=1e-6)


@pytest.mark.parametrize("syntax", [".5", ".4.80", ".4.90"])
def test_colour_becomes_the_luma_that_png_gives(film_file, tmp_path, syntax):
    Image.fromarray(COLOURS).save(tmp_path / "film.png")
    stream = encoded(COLOURS, UID + syntax, 8, **({"use_mct": False} if syntax == ".4.90" else {}))
    compressed = read_dicom(film_file(COLOURS, syntax=UID + syntax, stream=stream))
    assert np.array_equal(compressed.pixels, read_radiograph(tmp_path / "film.png").pixels)
    assert np.array_equal(read_dicom(film_file(COLOURS)).pixels, compressed.pixels)


def test_planar_colour_and_luma_are_told_apart(film_file, tmp_path):
    planes = np.ascontiguousarray(np.moveaxis(COLOURS, -1, 0)).reshape(COLOURS.shape)
    planar = read_dicom(film_file(planes, PlanarConfiguration=1)).pixels
    assert np.array_equal(planar, read_dicom(film_file(COLOURS)).pixels)
    assert np.allclose(
        read_dicom(film_file(COLOURS, PhotometricInterpretation="YBR_FULL")).pixels, COLOURS[..., 0] / 255
    )


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_baseline(film_file, mode):
    smooth = Image.fromarray(np.linspace(20, 230, 64 * 64).reshape(64, 64).astype(np.uint8)).convert(mode)
    content = io.BytesIO()
    smooth.save(content, "JPEG", quality=95)
    told = {"PhotometricInterpretation": "YBR_FULL_422"} if mode == "RGB" else {}
    film = read_dicom(film_file(np.asarray(smooth), syntax=f"{UID}.4.50", stream=content.getvalue(), **told))
    assert np.abs(film.pixels - np.asarray(smooth.convert("L")) / 255).max() < 0.02


def test_a_stream_in_several_fragments_is_joined(film_file, maker, as_bytes):
    stream = encoded(NOISE, f"{UID}.4.90", 12)
    whole = as_bytes(NOISE, syntax=f"{UID}.4.90", stream=stream, **WHOLE_12)
    made = maker(f"{UID}.4.90")
    cut = whole[: -len(made.fragments(stream))] + made.fragments(stream[:100], stream[100:])
    assert np.array_equal(read_dicom(film_file(cut)).pixels, read_dicom(film_file(whole)).pixels)


def test_a_data_set_without_its_preamble_reads(film_file, as_bytes):
    content = as_bytes(NOISE, **WHOLE_12)
    whole = read_dicom(film_file(content)).pixels
    assert np.array_equal(read_radiograph(film_file(content[132:])).pixels, whole)
    bare = content[content.index(b"\x08\x00\x16\x00UI") :]
    assert np.array_equal(read_radiograph(film_file(bare)).pixels, whole)


def test_explicit_elements_that_are_called_implicit_read(film_file, as_bytes):
    content = as_bytes(NOISE, **WHOLE_12).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0")
    assert np.allclose(read_dicom(film_file(content)).pixels, NOISE / 4095, atol=1e-6)


def test_icons_and_nested_sequences_are_passed_over(film_file, maker, as_bytes):
    made = maker()
    icon = made.elements({"Rows": 1, "Columns": 1}) + made.fragments(b"\xff\xd8icon")
    undefined = made.head(0x00880200, "SQ", 0xFFFFFFFF) + made.item(0xE000, icon, 0xFFFFFFFF)
    undefined += made.item(0xE00D) + made.item(0xE0DD)
    film = read_dicom(film_file(NOISE, before=undefined, **WHOLE_12))
    assert film.pixels.shape == NOISE.shape


@pytest.mark.parametrize(
    "name",
    PYDICOM_FILES,
)
def test_files_that_come_with_pydicom(name):
    found = get_testdata_files(f"{name}.dcm")
    if not found:
        pytest.skip(f"pydicom brings no {name}.dcm")
    film_or_words = outcome(Path(found[0]))
    assert film_or_words in ("film", "BitsAllocated (0028,0100) is 1; wanted 8 or 16")


def outcome(path: Path) -> str:
    try:
        return "film" if read_dicom(path).pixels.max() > 0 else "black"
    except ReaderError as error:
        return str(error).removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", ["MR_small_RLE", "MR_small_bigendian", "693_J2KI", "JPEGLSNearLossless_16"])
def test_grey_levels_are_those_that_pydicom_reads(name):
    path = get_testdata_files(f"{name}.dcm")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(path)
        stored = data.pixel_array.astype(float)
    seen = read_dicom(path).pixels.astype(float)
    inside = (seen > 0.02) & (seen < 0.98)
    assert abs(np.corrcoef(stored[inside], seen[inside])[0, 1]) > 0.9999


def test_real_films_are_right(shared_data):
    hand = read_radiograph(shared_data / "dicom" / "hand_R_CR_mono2_12bit_j2k_lossless.dcm")
    assert (hand.width, hand.height, hand.spacing_mm) == (2048, 2500, 0.115)
    assert (hand.header["view"], hand.header["body_part"], hand.header["mode"]) == ("pa", "hand", "MONOCHROME2")
    assert hand.pixels[:200, :1500].max() < 0.2, "the collimated corner is dark"
    assert hand.pixels[1400, 1000:1200].max() > 0.4, "bones are bright"
    leg = read_radiograph(shared_data / "dicom" / "leg_R_CR_mono1_10bit_j2k_lossless.dcm")
    assert (leg.header["laterality"], leg.header["bits"], leg.header["mode"]) == ("R", 10, "MONOCHROME1")
    assert leg.pixels[300, 820] > 0.6 > 0.2 > leg.pixels[300, 520], "bone is bright, air is dark"
    pelvis = read_radiograph(shared_data / "dicom" / "pelvis_DX_rgb_8bit_j2k_107.dcm")
    assert (pelvis.pixels.shape, pelvis.header["mode"]) == ((331, 331), "RGB")


def test_the_real_broken_hip_is_refused_in_one_sentence(shared_data):
    path = shared_data / "dicom" / "hip_CR_BROKEN_jpeg_extended.dcm"
    with pytest.raises(ReaderError) as caught:
        read_radiograph(path)
    words = "damaged: the JPEG stream's scan has coefficients 0 to 0; wanted 0 to 63 at once"
    assert str(caught.value) == f"{path}: {words}"


def test_a_12_bit_jpeg_whose_scan_is_mended_reads(shared_data, film_file):
    content = (shared_data / "dicom" / "hip_CR_BROKEN_jpeg_extended.dcm").read_bytes()
    at = content.index(b"\xff\xda\x00\x08\x01") + 8
    film = read_dicom(film_file(content[:at] + b"\x3f" + content[at + 1 :]))
    assert film.pixels.shape == (2140, 1760)
    assert film.pixels[760:1000, 800:1000].min() > 0.3, "the head of the femur is bright"
    assert film.pixels[1600:2000, 300:700].max() < 0.2, "air is dark"


def test_no_warning_leaks_and_pydicom_is_left_as_it_was(film_file):
    path = film_file(NOISE, PatientName="Doe^Jane", **WHOLE_12)
    mode = pydicom.config.settings.reading_validation_mode
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        with ThreadPoolExecutor(4) as threads:
            films = list(threads.map(read_dicom, [path] * 20))
        assert list(warnings.filters) == filters
    assert heard == []
    assert all(np.array_equal(film.pixels, films[0].pixels) for film in films)
    assert pydicom.config.settings.reading_validation_mode == mode


def test_the_decoder_under_the_gpl_stays_out():
    names = {(each.metadata["Name"] or "").lower().replace("_", "-") for each in importlib.metadata.distributions()}
    assert "pylibjpeg-openjpeg" in names
    assert "pylibjpeg-libjpeg" not in names
    for file in ("pyproject.toml", "constraints.txt", "environment.yml"):
        assert "pylibjpeg-libjpeg" not in (ROOT / file).read_text()


def test_a_size_of_the_stream_that_is_not_the_films_is_refused(film_file):
    stream = encoded(NOISE, f"{UID}.4.80", 12)
    tall = stream.replace(struct.pack(">HH", 72, 64), struct.pack(">HH", 30000, 64), 1)
    with pytest.raises(ReaderError, match="the JPEG stream has 64 x 30000 pixels of 1 samples; Columns"):
        read_dicom(film_file(NOISE, syntax=f"{UID}.4.80", stream=tall, **WHOLE_12))
