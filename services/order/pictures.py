"""Reads what sort of picture some bytes are, and keeps of it only what is needed to show it.

Where a photo was taken, by whom and with what (EXIF, XMP, comments) is in blocks beside the image: those are left
out, with whatever hides behind the image's end. Nothing is decoded, so no picture can be a bomb for us.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from shared.kernel.errors import DomainError

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sRGB"})
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_EXIF_AND_XMP = 0b0000_1100
_WEBP_PROFILE = 0b0010_0000


class NotAPicture(DomainError):
    """Not a JPEG, PNG or WebP, whatever it is called, or one that is cut off."""

    code = "photo.not_a_picture"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture without its story; the id is the digest of its bytes."""

    media_type: str
    content: bytes

    @property
    def photo_id(self) -> str:
        return sha256(self.content).hexdigest()


def cleaned(raw: bytes) -> Picture:
    """The picture by its first bytes, not by what it is called; raises NotAPicture."""
    try:
        if raw.startswith(b"\xff\xd8\xff"):
            return Picture("image/jpeg", b"\xff\xd8" + b"".join(_jpeg(raw)))
        if raw.startswith(_PNG):
            return Picture("image/png", _PNG + b"".join(_png(raw)))
        if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
            return Picture("image/webp", _webp(raw))
    except (IndexError, struct.error) as error:
        raise NotAPicture("this picture is cut off or broken") from error
    raise NotAPicture("send a JPEG, PNG or WebP picture")


def _jpeg(raw: bytes) -> Iterator[bytes]:
    """All segments but APP1 to APP15 and comments (JPEG: ITU-T T.81, Annex B), up to the end of the image."""
    at = 2
    while True:
        if raw[at] != 0xFF:
            raise NotAPicture("this picture is cut off or broken")
        marker = raw[at + 1]
        if marker == _JPEG_SCAN:
            end = raw.rfind(bytes((0xFF, _JPEG_END)))
            if end < at:
                raise NotAPicture("this picture is cut off or broken")
            yield raw[at : end + 2]
            return
        (length,) = struct.unpack(">H", raw[at + 2 : at + 4])
        if length < 2 or at + 2 + length > len(raw):
            raise NotAPicture("this picture is cut off or broken")
        if not (0xE1 <= marker <= 0xEF or marker == 0xFE):
            yield raw[at : at + 2 + length]
        at += 2 + length


def _png(raw: bytes) -> Iterator[bytes]:
    """The chunks that draw the image (PNG: W3C, section 11), up to IEND."""
    at = len(_PNG)
    while True:
        (length,) = struct.unpack(">I", raw[at : at + 4])
        kind, end = raw[at + 4 : at + 8], at + 12 + length
        if end > len(raw):
            raise NotAPicture("this picture is cut off or broken")
        if kind in _PNG_KEPT:
            yield raw[at:end]
        if kind == b"IEND":
            return
        at = end


def _webp(raw: bytes) -> bytes:
    """The chunks that draw the image (WebP: RFC 9649), with the flags of those that were left out cleared."""
    (size,) = struct.unpack("<I", raw[4:8])
    last = 8 + size
    if last > len(raw) or len(raw) < 20:
        raise NotAPicture("this picture is cut off or broken")
    kept, at = b"", 12
    while at + 8 <= last:
        (length,) = struct.unpack("<I", raw[at + 4 : at + 8])
        kind, end = raw[at : at + 4], at + 8 + length + length % 2
        if end > last:
            raise NotAPicture("this picture is cut off or broken")
        if kind in _WEBP_KEPT:
            chunk = bytearray(raw[at:end])
            if kind == b"VP8X":
                chunk[8] &= ~(_WEBP_EXIF_AND_XMP | _WEBP_PROFILE) & 0xFF
            kept += bytes(chunk)
        at = end
    return b"RIFF" + struct.pack("<I", 4 + len(kept)) + b"WEBP" + kept
