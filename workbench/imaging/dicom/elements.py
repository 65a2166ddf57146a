"""Walks the elements of a DICOM file within bounds; keeps those asked for, passes over all others unread."""

import math
import re
import struct
from collections.abc import Collection
from dataclasses import dataclass, field

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.sources import Source, check_head_bytes
from workbench.imaging.dicom.tags import PIXELS, SEQUENCES, IdentityTag, Tag

UNDEFINED = 0xFFFFFFFF
"""The length of what ends with a delimiter."""
MAX_DEPTH = 16
MAX_ELEMENTS = 50_000
"""A film has some hundreds, and a few thousand with all its sequences."""
MAX_VALUE_BYTES = 2**18
"""The longest value kept: a lookup table of 65,536 entries of 16 bits has half of it."""
MAX_KEPT_BYTES = 2**22
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_WHOLE = {1: "B", 2: "H", 4: "L"}


@dataclass(frozen=True)
class PixelElement:
    """The head of the element that holds the pixels; its value comes next in the source."""

    tag: Tag
    vr: str
    length: int


@dataclass
class Elements:
    """Values kept from one data set, as bytes until somebody asks for a number or a word."""

    is_little_endian: bool
    values: dict[int, bytes] = field(default_factory=dict)
    items: dict[int, list["Elements"]] = field(default_factory=dict)

    def words(self, tag: Tag) -> list[str]:
        """Return the values of a text element; signs that ASCII lacks become question marks."""
        text = self.values.get(tag, b"").decode("ascii", errors="replace").strip(" \0\r\n")
        return [word.strip() for word in text.split("\\")] if text else []

    def word(self, tag: Tag) -> str:
        """Return the first value of a text element, empty where it is absent."""
        return next(iter(self.words(tag)), "")

    def decimals(self, tag: Tag) -> list[float]:
        """Return the values of a decimal string; a ReaderError where one of them is no finite number."""
        words = [word for word in self.words(tag) if word]
        if any(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", word) is None for word in words):
            raise ReaderError(f"{tag} is not a finite number")
        numbers = [float(word) for word in words]
        if not all(map(math.isfinite, numbers)):
            raise ReaderError(f"{tag} is not a finite number")
        return numbers

    def whole(self, tag: Tag) -> int | None:
        """Return an unsigned whole number, None where it is absent; a ReaderError where it is of an odd length."""
        value = self.values.get(tag, b"")
        if not value:
            return None
        if len(value) not in _WHOLE:
            raise ReaderError(f"{tag} has {len(value)} bytes; wanted one whole number")
        return int(struct.unpack(("<" if self.is_little_endian else ">") + _WHOLE[len(value)], value)[0])


class Walker:
    """Reads the elements of a source in their order.

    Parameters
    ----------
    source
        At the first element.
    is_implicit
        Whether the elements lack their kind.
    is_little_endian
        How numbers are written.
    wanted
        Whose values are kept.
    """

    def __init__(
        self, source: Source, *, is_implicit: bool, is_little_endian: bool, wanted: Collection[Tag | IdentityTag]
    ) -> None:
        self._source = source
        self._is_implicit = is_implicit
        self._is_little_endian = is_little_endian
        self._order = "<" if is_little_endian else ">"
        self._wanted = frozenset(wanted)
        self._seen = 0
        self._kept = 0
        self.pixels: PixelElement | None = None

    def group(self, number: int) -> Elements:
        """Return the elements of one group at the source, which then stands at the next group."""
        found = Elements(self._is_little_endian)
        begins = struct.pack(f"{self._order}H", number)
        while self._source.next_bytes(2) == begins:
            self._take(found, *self._head(is_implicit=self._is_implicit), is_implicit=self._is_implicit, depth=0)
        return found

    def data_set(self) -> Elements:
        """Return the elements up to the pixels, whose head is then known as ``pixels``."""
        return self._data_set(is_implicit=self._is_implicit, end=None, depth=0)

    def _data_set(self, *, is_implicit: bool, end: int | None, depth: int) -> Elements:
        found = Elements(self._is_little_endian)
        while (end is None or self._source.position < end) and (depth > 0 or self._source.next_bytes(1)):
            tag, vr, length = self._head(is_implicit=is_implicit)
            if tag == ITEM_END:
                break
            if tag in PIXELS and depth == 0:
                self.pixels = PixelElement(Tag(tag), vr, length)
                break
            self._take(found, tag, vr, length, is_implicit=is_implicit, depth=depth)
        return found

    def _take(self, found: Elements, tag: int, vr: str, length: int, *, is_implicit: bool, depth: int) -> None:
        """Keep, or pass over, one element whose head has been read."""
        is_wanted = tag in self._wanted
        if (tag in SEQUENCES and is_wanted) or (length == UNDEFINED and vr in ("SQ", "UN", "")):
            items = self._items(tag, length, is_implicit=is_implicit or vr == "UN", depth=depth + 1, keep=is_wanted)
            if is_wanted:
                found.items[tag] = items
        elif length == UNDEFINED:
            skip_fragments(self)
        elif is_wanted:
            found.values[tag] = self._value(tag, length)
        else:
            self._source.skip(length)
            check_head_bytes(self._source.position)

    def _items(self, tag: int, length: int, *, is_implicit: bool, depth: int, keep: bool) -> list[Elements]:
        if depth > MAX_DEPTH:
            raise ReaderError(f"sequences nested more than {MAX_DEPTH} deep, at {_shown(tag)}")
        items: list[Elements] = []
        end = None if length == UNDEFINED else self._source.position + length
        while end is None or self._source.position < end:
            item, _, size = self._head(is_implicit=is_implicit)
            if item == SEQUENCE_END:
                break
            if item != ITEM:
                raise ReaderError(f"damaged: the sequence {_shown(tag)} holds something that is no item")
            if not keep and size != UNDEFINED:
                self._source.skip(size)
                continue
            item_end = None if size == UNDEFINED else self._source.position + size
            found = self._data_set(is_implicit=is_implicit, end=item_end, depth=depth)
            if keep:
                items.append(found)
        return items

    def item(self) -> tuple[int, int]:
        """Return the tag and length of an item of a compressed stream."""
        tag, _, length = self._head(is_implicit=True)
        return tag, length

    @property
    def source(self) -> Source:
        """Return where the elements come from."""
        return self._source

    def _head(self, *, is_implicit: bool) -> tuple[int, str, int]:
        """Return tag, value representation (empty where the file does not say it) and length of the next element."""
        self._seen += 1
        if self._seen > MAX_ELEMENTS:
            raise ReaderError(f"more than {MAX_ELEMENTS} elements before the pixels; a film has some hundreds")
        group, element, vr, short = struct.unpack(f"{self._order}HH2sH", self._source.read(8))
        tag = group << 16 | element
        if is_implicit or group == 0xFFFE or not (vr.isalpha() and vr.isupper()):  # some writers change over midway
            packed = vr + struct.pack(f"{self._order}H", short)
            return tag, "", int(struct.unpack(f"{self._order}L", packed)[0])
        if vr in _LONG:
            short = struct.unpack(f"{self._order}L", self._source.read(4))[0]
        return tag, vr.decode("ascii", errors="replace"), short

    def _value(self, tag: int, length: int) -> bytes:
        self._kept += length
        if length > MAX_VALUE_BYTES or self._kept > MAX_KEPT_BYTES:
            raise ReaderError(f"{_shown(tag)} has {length} bytes; that is no value of a film")
        return self._source.read(length)


def skip_fragments(walker: Walker) -> None:
    """Pass over the compressed stream of a picture that is not the film (an icon)."""
    while True:
        tag, length = walker.item()
        if tag == SEQUENCE_END:
            return
        if tag != ITEM or length == UNDEFINED:
            raise ReaderError("damaged: a compressed stream holds something that is no fragment")
        walker.source.skip(length)
        check_head_bytes(walker.source.position)


def _shown(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
