"""The bytes of the pixels: as they are, or gathered from the fragments of a compressed stream."""

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.codestreams import check_ratio
from workbench.imaging.dicom.elements import ITEM, SEQUENCE_END, UNDEFINED, PixelElement, Walker
from workbench.imaging.dicom.header import PixelFormat
from workbench.imaging.dicom.tags import Tag

MAX_FRAGMENTS = 10_000


def uncompressed_bytes(walker: Walker, pixels: PixelElement, stored: PixelFormat) -> bytes:
    """Return exactly the bytes that the picture takes; a ReaderError where there are fewer, or enough for another."""
    samples = stored.pixels * 2 if stored.is_halved else stored.pixels * stored.samples
    wanted = samples * stored.allocated // 8
    if pixels.length == UNDEFINED:
        raise ReaderError(f"{Tag.PixelData} has no length, as compressed pixels have; its transfer syntax has none")
    if not wanted <= pixels.length < 2 * wanted + 2:
        raise ReaderError(f"{Tag.PixelData} has {pixels.length} bytes; {Tag.Rows} and {Tag.Columns} ask for {wanted}")
    if wanted > walker.source.left:
        raise ReaderError(f"truncated: {Tag.PixelData} has {walker.source.left} bytes left of {wanted}")
    return walker.source.read(wanted)


def compressed_bytes(walker: Walker, pixels: PixelElement, stored: PixelFormat) -> bytes:
    """Return the stream of the only frame; a ReaderError where its fragments are damaged, too short or too long."""
    if pixels.length != UNDEFINED:
        raise ReaderError(f"{Tag.PixelData} is compressed but lies in no fragments")
    tag, length = walker.item()
    if tag != ITEM or length == UNDEFINED:
        raise ReaderError(f"damaged: {Tag.PixelData} does not begin with its table of offsets")
    walker.source.skip(length)
    fragments: list[bytes] = []
    total = 0
    while True:
        if not walker.source.next_bytes(1):
            raise ReaderError(f"truncated: {Tag.PixelData} has {total} compressed bytes and no end mark")
        tag, length = walker.item()
        if tag == SEQUENCE_END:
            break
        if tag != ITEM or length == UNDEFINED or len(fragments) == MAX_FRAGMENTS:
            raise ReaderError(f"damaged: {Tag.PixelData} holds something that is no fragment")
        total += length
        if length > walker.source.left:
            raise ReaderError(f"truncated: a fragment of {Tag.PixelData} has {walker.source.left} bytes of {length}")
        if total > 2 * stored.uncompressed_bytes + 2**16:
            check_ratio(total, stored)
        fragments.append(walker.source.read(length))
    check_ratio(total, stored)
    return b"".join(fragments)
