"""What is refused, in which words, before it costs time or memory; and what damage can do."""

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.reader import read_dicom
from workbench.imaging.pixels import read_radiograph

RAMP = (np.arange(72 * 64).reshape(72, 64) % 4096).astype(np.uint16)
UID = "1.2.840.10008.1.2"
UNDEFINED = 0xFFFFFFFF


def reason(path: Path) -> str:
    with pytest.raises(ReaderError) as caught:
        read_radiograph(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


TABLE = {"LUTDescriptor": [4, 0, 16], "LUTData": [1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"Rows": None}, "Rows (0028,0010) is missing: there is no picture in it"),
        ({"Rows": 0}, "64 x 0 pixels: there is nothing to see"),
        ({"Rows": 60000}, "64 x 60000 pixels; a film has at most"),
        ({"Rows": 100}, "PixelData (7FE0,0010) has 9216 bytes; Rows (0028,0010) and Columns (0028,0011) ask for 12800"),
        ({"Rows": 30}, "PixelData (7FE0,0010) has 9216 bytes; Rows (0028,0010) and Columns (0028,0011) ask for 3840"),
        ({"Rows": b"abc"}, "pixels; a film has at most"),
        ({"Rows": b"abcdef"}, "Rows (0028,0010) has 6 bytes; wanted one whole number"),
        ({"NumberOfFrames": "2"}, "NumberOfFrames (0028,0008) is 2: several frames; wanted a single film"),
        ({"BitsAllocated": 32}, "BitsAllocated (0028,0100) is 32; wanted 8 or 16"),
        ({"BitsAllocated": 1}, "BitsAllocated (0028,0100) is 1; wanted 8 or 16"),
        ({"BitsStored": 17}, "BitsStored (0028,0101) is 17, more than the 16 of BitsAllocated (0028,0100)"),
        ({"BitsStored": 12, "HighBit": 16}, "HighBit (0028,0102) is 16; 12 bits stored of 16 do not end there"),
        ({"BitsStored": 12, "HighBit": 5}, "HighBit (0028,0102) is 5; 12 bits stored of 16 do not end there"),
        ({"SamplesPerPixel": 3}, "SamplesPerPixel (0028,0002) is 3; MONOCHROME2 has 1"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PhotometricInterpretation (0028,0004) is PALETTE COLOR"),
        ({"PhotometricInterpretation": "DOE"}, "PhotometricInterpretation (0028,0004) is unknown; wanted MONOCHROME1"),
        ({"PhotometricInterpretation": None}, "PhotometricInterpretation (0028,0004) is missing"),
        ({"RescaleSlope": "NaN"}, "RescaleSlope (0028,1053) is not a finite number"),
        ({"RescaleSlope": "inf"}, "RescaleSlope (0028,1053) is not a finite number"),
        ({"RescaleSlope": "1e999"}, "RescaleSlope (0028,1053) is not a finite number"),
        ({"RescaleSlope": "one"}, "RescaleSlope (0028,1053) is not a finite number"),
        ({"RescaleSlope": "0"}, "RescaleSlope (0028,1053) is 0: every pixel would be the same"),
        ({"RescaleSlope": "1e308"}, "RescaleSlope (0028,1053) 1e+308 and RescaleIntercept (0028,1052) 0 leave no grey"),
        ({"RescaleIntercept": "1e30"}, "leave no grey scale"),
        ({"WindowCenter": "1", "WindowWidth": "0"}, "WindowWidth (0028,1051) is 0; wanted at least 1"),
        ({"WindowCenter": "1", "WindowWidth": "-5"}, "WindowWidth (0028,1051) is -5; wanted at least 1"),
        ({"WindowCenter": "x", "WindowWidth": "5"}, "WindowCenter (0028,1050) is not a finite number"),
        (
            {"WindowCenter": "1", "WindowWidth": "0", "VOILUTFunction": "SIGMOID"},
            "WindowWidth (0028,1051) is 0; wanted more than 0",
        ),
        ({"VOILUTFunction": "DOE"}, "VOILUTFunction (0028,1056) is unknown; wanted LINEAR, LINEAR_EXACT, SIGMOID"),
        (
            {"VOILUTSequence": [TABLE | {"LUTData": [1, 2, 3]}]},
            "VOI LUT: LUTData (0028,3006) has 6 bytes; 4 entries of 16 bits are told",
        ),
        (
            {"ModalityLUTSequence": [TABLE | {"LUTDescriptor": [4, 0, 40]}]},
            "Modality LUT: LUTDescriptor (0028,3002) says 40 bits; wanted 1 to 16",
        ),
        ({"VOILUTSequence": [{"LUTData": [1]}]}, "VOI LUT: LUTDescriptor (0028,3002) has 0 bytes; wanted three"),
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, "a DICOM directory, not a film"),
    ],
)
def test_bad_elements_are_named(film_file, told, words):
    assert words in reason(film_file(RAMP, **told))


def test_other_syntaxes_are_named_where_they_are_known(film_file, as_bytes):
    words = "TransferSyntaxUID (0002,0010) is not one that is read: "
    assert reason(film_file(RAMP, syntax=f"{UID}.4.201", stream=b"")).startswith(f"{words}High-Throughput JPEG 2000")
    assert reason(film_file(as_bytes(RAMP, syntax=f"{UID}.9.9"))) == f"{words}an unknown one"


def test_what_is_cut_short_is_refused(film_file, as_bytes):
    content = as_bytes(RAMP)
    assert "truncated: PixelData (7FE0,0010) has 9000 bytes left of 9216" in reason(film_file(content[:-216]))
    ended = content.index(b"\xe0\x7f\x10\x00OW")
    assert "PixelData (7FE0,0010) is missing, nothing in its place" in reason(film_file(content[:ended]))
    assert "it ends in the middle of an element" in reason(film_file(content[: ended + 6]))


def test_pixels_with_a_point_are_refused(film_file, maker):
    made = maker()
    values = {
        "Rows": 1,
        "Columns": 1,
        "SamplesPerPixel": 1,
        "BitsAllocated": 16,
        "PhotometricInterpretation": "MONOCHROME2",
    }
    content = made.file(made.elements(values) + made.head(0x7FE00008, "OW", 4) + b"\0\0\0\0")
    assert "FloatPixelData (7FE0,0008), numbers with a point, in its place" in reason(film_file(content))


def nested(maker, depth: int, *, is_defined: bool = False) -> bytes:
    made = maker()
    content = b""
    if is_defined:
        for _ in range(depth):
            item = made.item(0xE000, content)
            content = made.head(0x00283010, "SQ", len(item)) + item
        return content
    for _ in range(depth):
        content += made.head(0x00400555, "SQ", UNDEFINED) + made.item(0xE000, b"", UNDEFINED)
    return content + (made.item(0xE00D) + made.item(0xE0DD)) * depth


def bomb(kind: str, maker, as_bytes) -> bytes:
    made = maker()
    if kind == "deep":
        return as_bytes(RAMP, before=nested(maker, 20_000))
    if kind == "deep-defined":
        return as_bytes(RAMP, before=nested(maker, 3000, is_defined=True))
    if kind == "wide":
        items = made.item(0xE000) * 2_000_000
        return as_bytes(RAMP, before=made.head(0x00400555, "SQ", UNDEFINED) + items + made.item(0xE0DD))
    if kind == "many":
        return as_bytes(RAMP, before=made.element("PatientID", "") * 500_000)
    if kind == "long":
        return as_bytes(RAMP, WindowCenter=None, before=made.head(0x00283006, "OW", 2**31) + bytes(1000))
    if kind.startswith("deflated"):
        deflated = maker(f"{UID}.1.99")
        head = deflated.head(0x00091010, "OB", 2**32 - 2) if kind == "deflated-head" else b""
        told = deflated.elements({"Rows": 8000, "Columns": 8000, "SamplesPerPixel": 1})
        whole = deflated.file(head + told)
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(head + told) + b"".join(packer.compress(bytes(2**20)) for _ in range(160))
        return whole[: whole.index(UID.encode()) + 22] + packed + packer.flush()
    size = {"Rows": 8000, "Columns": 8000}
    if kind == "rle":
        runs = b"\x81\x00" * 400_000
        stream = struct.pack("<16L", 2, 64, 64, *[0] * 13) + runs
        return as_bytes(RAMP, syntax=f"{UID}.5", stream=stream, **size)
    if kind == "rle-small":
        stream = struct.pack("<16L", 2, 64, 64, *[0] * 13) + b"\x81\x00" * 20_000
        return as_bytes(RAMP, syntax=f"{UID}.5", stream=stream)
    siz = struct.pack(">H8LH", 0, 8000, 8000, 0, 0, 8000, 8000, 0, 0, 1) + b"\x0f\1\1"
    if kind == "j2k-header":  # the stream is large, the film is told to be small
        size = {}
    if kind == "j2k-tiles":
        siz = struct.pack(">H8LH", 0, 64, 72, 0, 0, 1, 1, 0, 0, 1) + b"\x0f\1\1"
        size = {}
    stream = b"\xff\x4f\xff\x51" + struct.pack(">H", len(siz) + 2) + siz + bytes(2000) + b"\xff\xd9"
    return as_bytes(RAMP, syntax=f"{UID}.4.90", stream=stream, **size)


BOMBS = {
    "deep": "sequences nested more than 16 deep, at (0040,0555)",
    "deep-defined": "sequences nested more than 16 deep, at (0028,3010)",
    "wide": "more than 50000 elements before the pixels",
    "many": "more than 50000 elements before the pixels",
    "long": "(0028,3006) has 2147483648 bytes; that is no value of a film",
    "deflated": "more than 50000 elements before the pixels",
    "deflated-head": "bytes before the pixels: a decompression bomb",
    "rle": "truncated or damaged: the RLE stream|a decompression bomb",
    "rle-small": "truncated or damaged: the RLE stream ends before its last row",
    "j2k-size": "a decompression bomb, or truncated",
    "j2k-header": "the JPEG 2000 stream has 8000 x 8000 pixels of 1 samples; Columns (0028,0011), Rows (0028,0010)",
    "j2k-tiles": "a JPEG 2000 stream of 4608 tiles; wanted at most 4096",
}
MEASURE = """
import json, resource, sys, time
import numpy, openjpeg.utils, jpeg_ls
import workbench.imaging.dicom.reader as reader
from workbench.core.errors import ReaderError
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 256 * 2**20,) * 2)
start, said = time.process_time(), ""
try:
    reader.read_dicom(sys.argv[1])
except ReaderError as error:
    said = str(error)
print(json.dumps([said, time.process_time() - start]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_end_within_256_mb_and_little_work(film_file, maker, as_bytes, kind):
    path = film_file(bomb(kind, maker, as_bytes))
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    said, seconds = json.loads(done.stdout)
    assert any(words in said for words in BOMBS[kind].split("|")), said
    assert "memory" not in said
    assert seconds < 20, "a bomb that is let in takes minutes; 2 s are kept on an idle machine"


@pytest.mark.parametrize("is_cut", [False, True])
def test_damaged_files_give_a_film_or_a_reader_error(shared_data, film_file, as_bytes, is_cut):
    generator = np.random.default_rng(int(is_cut))
    real = (shared_data / "dicom" / "pelvis_DX_rgb_8bit_j2k_107.dcm").read_bytes()
    hip = (shared_data / "dicom" / "hip_CR_BROKEN_jpeg_extended.dcm").read_bytes()
    for number in range(150):
        content = bytearray((real, as_bytes(RAMP, BitsStored=12), hip)[number % 3])
        for at in generator.integers(0, min(len(content), (4000, 10**9)[number % 2]), generator.integers(1, 5)):
            content[at] = generator.integers(0, 256)
        if is_cut:
            content = content[: generator.integers(1, len(content))]
        path = film_file(bytes(content))
        try:
            said = f"{read_dicom(path).pixels.size} pixels"
        except ReaderError as error:
            said = str(error)
        assert "\n" not in said
        assert "object at" not in said


# nothing that identifies

SECRETS = {
    "PatientName": "Doe^Jane",
    "PatientID": "ID-4711",
    "PatientBirthDate": "19790408",
    "OtherPatientIDs": "OTHER-4712",
    "InstitutionName": "Saint Elsewhere",
    "ReferringPhysicianName": "House^Gregory",
    "StudyDescription": "hand of Jane Doe",
    "SeriesDescription": "PA Jane Doe",
    "ProtocolName": "DOE protocol",
    "ImageComments": "call Jane Doe",
    "AccessionNumber": "ACC-4713",
    "StudyDate": "20110218",
    "DeviceSerialNumber": "SERIAL-4714",
    "StationName": "ROOM-4715",
    "StudyInstanceUID": "1.2.3.4716",
    "SeriesInstanceUID": "1.2.3.4717",
    "SOPInstanceUID": "1.2.3.4718",
    "WindowCenterWidthExplanation": "DOE window",
    "BodyPartExamined": "HAND OF DOE",
    "ViewPosition": "DOE VIEW",
    "Laterality": "DOE",
    "Modality": "DOE",
    "PresentationIntentType": "FOR DOE",
}
TRACES = ("doe", "jane", "47", "1979", "2011", "elsewhere", "house", "private")


def traces(text: str) -> list[str]:
    return [trace for trace in TRACES if trace in text.lower()]


def test_only_the_allow_list_leaves_the_reader(film_file, maker):
    private = maker().head(0x00091001, "LO", 12) + b"PRIVATE 4719"
    film = read_dicom(film_file(RAMP, before=private, WindowCenter="100", WindowWidth="200", **SECRETS))
    assert set(film.header) == {
        *("format", "mode", "bits", "orientation", "modality", "view", "laterality", "body_part", "intent"),
        *("transfer_syntax", "window", "lossy"),
    }
    assert traces(str({key: value for key, value in film.header.items() if key != "window"})) == []
    assert film.header["window"] == "LINEAR center 100 width 200"
    assert traces(repr(film.header)) == []


@pytest.mark.parametrize(
    "told", [{"Rows": 0}, {"PhotometricInterpretation": "DOE"}, {"VOILUTFunction": "DOE"}, {"RescaleSlope": "Jane Doe"}]
)
def test_no_error_tells_who_it_was(film_file, told):
    message = reason(film_file(RAMP, **(SECRETS | told)))
    assert traces(message.replace("0047", "")) == []
