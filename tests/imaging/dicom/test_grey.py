"""The grey scale pipeline against a slow and obvious one, and every depth that pixels are stored in."""

import struct

import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.imaging.dicom.reader import read_dicom

RAMP = (np.arange(72 * 64).reshape(72, 64) % 4096).astype(np.uint16)
WHOLE = {"BitsStored": 12, "WindowCenter": "2048", "WindowWidth": "4096"}


def slow_window(value: float, center: float, width: float, function: str) -> float:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, one value at a time."""
    if function == "SIGMOID":
        return 1 / (1 + float(np.exp(-4 * (value - center) / width)))
    if function == "LINEAR_EXACT":
        if value <= center - width / 2:
            return 0
        return 1 if value > center + width / 2 else (value - center) / width + 0.5
    if value <= center - 0.5 - (width - 1) / 2:
        return 0
    return 1 if value > center - 0.5 + (width - 1) / 2 else (value - (center - 0.5)) / (width - 1) + 0.5


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(1000, 500), (2048, 4096), (100.5, 1), (-50, 3000)])
def test_windows_follow_the_standard(film_file, function, center, width):
    told = {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function, "BitsStored": 12}
    film = read_dicom(film_file(RAMP, RescaleSlope="0.5", RescaleIntercept="-10", **told))
    wanted = [slow_window(0.5 * value - 10, center, width, function) for value in range(4096)]
    assert np.allclose(film.pixels, np.array(wanted)[RAMP], atol=1e-6)
    assert film.header["window"].startswith(f"{function} center")


def test_presets_are_chosen_by_number(film_file):
    path = film_file(RAMP, BitsStored=12, WindowCenter="500\\3000 ", WindowWidth="1000\\100")
    first, second = read_dicom(path), read_dicom(path, window=1)
    assert np.array_equal(first.pixels, read_dicom(path, window=0).pixels)
    assert (first.pixels[10, 0], second.pixels[10, 0]) == pytest.approx((640 / 999, 0), abs=1e-3)
    for absent in (2, -1):
        with pytest.raises(OptionError, match="this film has 2 presets, counted from 0"):
            read_dicom(path, window=absent)


def lut(first: int, outputs: list[int], bits: int = 16, **changes) -> dict:
    return {"LUTDescriptor": [len(outputs) % 65536, first, bits], "LUTData": outputs} | changes


def test_a_voi_table_goes_before_windows_and_is_clamped(film_file):
    table = lut(100, [0, 1000, 4095], bits=12)
    path = film_file(RAMP, VOILUTSequence=[table], **WHOLE)
    film = read_dicom(path)
    wanted = np.array([0, 1000, 4095])[np.clip(RAMP.astype(int) - 100, 0, 2)] / 4095
    assert np.allclose(film.pixels, wanted, atol=1e-6)
    assert np.allclose(read_dicom(path, window=1).pixels, RAMP / 4095, atol=1e-6)


def test_a_modality_table_goes_before_the_window(film_file):
    table = lut(0, [4095 - value for value in range(4096)])
    film = read_dicom(film_file(RAMP, ModalityLUTSequence=[table], **WHOLE))
    assert np.allclose(film.pixels, 1 - RAMP / 4095, atol=1e-6)


def test_a_table_of_bytes_and_of_all_65536_entries(film_file):
    small = {"LUTDescriptor": [4, 0, 8], "LUTData": bytes([0, 85, 170, 255])}
    film = read_dicom(film_file(RAMP, VOILUTSequence=[small], BitsStored=12))
    assert film.pixels[0, :5].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])
    whole = lut(0, list(range(65536)))
    film = read_dicom(film_file(RAMP, VOILUTSequence=[whole], BitsStored=12))
    assert np.allclose(film.pixels, RAMP / 65535, atol=1e-6)


def test_monochrome1_is_inverted_so_that_bones_are_bright(film_file):
    film = read_dicom(film_file(RAMP, PhotometricInterpretation="MONOCHROME1", **WHOLE))
    assert np.allclose(film.pixels, 1 - RAMP / 4095, atol=1e-6)


@pytest.mark.parametrize(("stored", "high"), [(8, 7), (10, 9), (12, 11), (12, 15), (15, 14), (16, 15), (10, 12)])
@pytest.mark.parametrize("is_signed", [False, True])
def test_bits_of_any_depth_and_place_without_their_overlays(film_file, stored, high, is_signed):
    values = np.random.default_rng(stored).integers(0, 2**stored, (30, 40))
    others = np.random.default_rng(1).integers(0, 2**16, (30, 40))
    shift = high + 1 - stored
    mask = (2**stored - 1) << shift
    pixels = ((values << shift) | (others & ~mask)).astype(np.uint16)
    meant = np.where(values < 2 ** (stored - 1), values, values - 2**stored) if is_signed else values
    low = -(2 ** (stored - 1)) if is_signed else 0
    window = {"WindowCenter": low + 2 ** (stored - 1), "WindowWidth": 2**stored, "VOILUTFunction": "LINEAR_EXACT"}
    told = {"BitsStored": stored, "HighBit": high, "PixelRepresentation": int(is_signed)}
    film = read_dicom(film_file(pixels, **told, **window))
    assert np.allclose(film.pixels, (meant - low) / 2**stored, atol=1e-6)
    assert film.header["bits"] == stored


def test_padding_is_black_and_does_not_count(film_file):
    pixels = RAMP % 1000 + 500
    pixels[:36] = 4095
    film = read_dicom(film_file(pixels, BitsStored=12, PixelPaddingValue=4095))
    assert film.pixels[:36].max() == 0
    assert film.pixels[36:].max() == 1, "the range is that of the measured pixels"
    pixels[:10] = 4000
    ranged = film_file(pixels, BitsStored=12, PixelPaddingValue=4095, PixelPaddingRangeLimit=4000)
    assert read_dicom(ranged).pixels[:36].max() == 0


def test_signed_padding(film_file):
    pixels = (RAMP % 1000).astype(np.int16)
    pixels[0] = -2000
    told = {"PixelPaddingValue": struct.pack("<h", -2000), "PhotometricInterpretation": "MONOCHROME1"}
    assert read_dicom(film_file(pixels, **told)).pixels[0].max() == 0


def test_without_a_window_a_hot_pixel_does_not_darken_the_film(film_file):
    pixels = (RAMP % 1000 + 200).astype(np.uint16)
    pixels[0, 0] = 65535
    film = read_dicom(film_file(pixels))
    assert 0.4 < np.median(film.pixels) < 0.55
    assert "all but 0.1% of the pixels" in film.header["window"]


def test_without_a_window_8_bits_are_a_picture(film_file):
    film = read_dicom(film_file((RAMP % 100).astype(np.uint8)))
    assert np.allclose(film.pixels, (RAMP % 100) / 255, atol=1e-6)


def test_an_even_film_is_a_film(film_file):
    assert np.ptp(read_dicom(film_file(np.full((5, 4), 700, np.uint16))).pixels) == 0


@pytest.mark.parametrize(
    ("told", "spacing"),
    [
        ({"PixelSpacing": "0.2\\0.2", "ImagerPixelSpacing": "0.3\\0.3"}, 0.2),
        ({"ImagerPixelSpacing": "0.3\\0.3"}, 0.3),
        ({"ImagerPixelSpacing": "0.3\\0.3", "EstimatedRadiographicMagnificationFactor": "1.5"}, 0.2),
        ({"PixelSpacing": "0.2\\0.4"}, 0),
        ({"PixelSpacing": "0\\0"}, 0),
        ({"PixelSpacing": "nan\\nan"}, 0),
        ({"PixelSpacing": "99\\99"}, 0),
        ({"ImagerPixelSpacing": "0.3\\0.3", "EstimatedRadiographicMagnificationFactor": "x"}, 0.3),
        ({}, 0),
    ],
)
def test_the_side_of_a_pixel(film_file, told, spacing):
    assert read_dicom(film_file(RAMP, **told, **WHOLE)).spacing_mm == pytest.approx(spacing)


@pytest.mark.parametrize(
    ("told", "key", "word"),
    [
        ({"ViewPosition": "AP"}, "view", "ap"),
        ({"ViewPosition": "LL", "ViewCodeSequence": [{"CodeValue": "399348003"}]}, "view", "lateral"),
        ({"ViewPosition": "", "ViewCodeSequence": [{"CodeValue": "272479007"}]}, "view", "pa"),
        ({"ViewCodeSequence": [{"CodeValue": "R-10206"}]}, "view", "ap"),
        ({"ViewPosition": "DOE"}, "view", ""),
        ({"ImageLaterality": "L", "Laterality": "R"}, "laterality", "L"),
        ({"Laterality": "R"}, "laterality", "R"),
        ({"Laterality": "RIGHT DOE"}, "laterality", ""),
        ({"BodyPartExamined": "WRIST"}, "body_part", "wrist"),
        ({"BodyPartExamined": "Lower Leg "}, "body_part", "leg"),
        ({"BodyPartExamined": "HANDS"}, "body_part", "hand"),
        ({"BodyPartExamined": "Jane Doe"}, "body_part", ""),
        ({"PresentationIntentType": "FOR PROCESSING"}, "intent", "processing"),
        ({"LossyImageCompression": "01"}, "lossy", True),
    ],
)
def test_words_of_the_header(film_file, told, key, word):
    assert read_dicom(film_file(RAMP, **told, **WHOLE)).header[key] == word
