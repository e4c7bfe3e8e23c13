"""Photos lose what they tell of their makers, and nothing else; what is no picture does no harm."""

import asyncio
import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from server.conversations.processing.about import stage_of
from server.conversations.processing.contract import Aids, Given
from server.conversations.processing.pictures import NotAPicture, convert
from server.conversations.processing.plan import Step
from server.conversations.processing.run import NotLetThrough, process_file
from server.kit.http import OutboundClient


def exif(orientation: int = 1) -> Image.Exif:
    """Where a photo was taken, with what, and how it was held."""
    told = Image.Exif()
    told[0x0112] = orientation
    told[0x010F] = "SecretCamera"
    told.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 17.0)})
    return told


def picture(form: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: Any) -> bytes:
    """A small picture, its left half red."""
    image = Image.new(mode, size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of a hundred kilobytes that says it has 60 000 x 60 000 dots."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000_000))) + chunk(b"IEND", b"")


async def cleaned(content: bytes, media_type: str, **settings: str) -> tuple[bytes, dict[str, Any]]:
    about = stage_of("picture_metadata")
    assert about is not None
    step = Step(about, about.defaults | settings, "skip")
    file, found = await process_file((step,), Given(io.BytesIO(content), "a", media_type, len(content)), Aids(OutboundClient()))
    kept = file.content.read()
    assert file.size == len(kept)
    return kept, found["picture_metadata"]


def noted(text: str) -> PngInfo:
    info = PngInfo()
    info.add_text("Author", text)
    return info


PHOTOS = {
    "image/jpeg": picture("JPEG", exif=exif(), comment=b"SecretCamera", quality=80, icc_profile=b"profile"),
    "image/png": picture("PNG", mode="RGBA", exif=exif(), pnginfo=noted("SecretCamera")),
    "image/webp": picture("WEBP", exif=exif(), xmp=b"<x>SecretCamera</x>", lossless=True),
    "image/tiff": picture("TIFF", exif=exif()),
}


async def test_photos_lose_what_they_tell() -> None:
    done = await asyncio.gather(*(cleaned(content, media_type) for media_type, content in PHOTOS.items()))
    for (media_type, before), (after, found) in zip(PHOTOS.items(), done, strict=True):
        assert b"SecretCamera" in before
        assert b"SecretCamera" not in after, media_type
        assert {"exif", "position"} - {"position" if media_type == "image/tiff" else ""} <= set(found["removed"]), media_type
        assert (found["width"], found["height"]) == (40, 20)
        image = Image.open(io.BytesIO(after))
        assert not image.getexif().get_ifd(0x8825)
        red, _, blue = image.convert("RGB").getpixel((5, 10))  # type: ignore[misc]
        assert red > 240 > 20 > blue
    assert Image.open(io.BytesIO(done[0][0])).info["icc_profile"] == b"profile", "colours stay as they are meant"
    assert Image.open(io.BytesIO(done[1][0])).mode == "RGBA"


async def test_a_photo_held_upright_stays_upright_and_others_are_left_alone() -> None:
    animated = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(animated, "PNG", save_all=True, append_images=frames[1:], duration=50, pnginfo=noted("SecretCamera"))
    plain = picture("JPEG")
    (upright, found), (moving, _), (same, nothing), (words, other) = await asyncio.gather(
        cleaned(picture("JPEG", exif=exif(6)), "image/jpeg"),
        cleaned(animated.getvalue(), "image/png"),
        cleaned(plain, "image/jpeg"),
        cleaned(b"hello", "text/plain"),
    )
    assert (found["width"], found["height"], Image.open(io.BytesIO(upright)).size) == (20, 40, (20, 40))
    assert Image.open(io.BytesIO(moving)).n_frames == 3  # type: ignore[attr-defined]
    assert b"SecretCamera" not in moving
    assert (same, nothing["removed"]) == (plain, [])
    assert (words, other["picture"]) == (b"hello", False)


async def test_what_cannot_be_read_does_no_harm() -> None:
    cut = PHOTOS["image/jpeg"][:300]
    (kept, told), (_, large), (_, unknown) = await asyncio.gather(
        cleaned(cut, "image/jpeg"), cleaned(bomb(), "image/png"), cleaned(b"ftypheic", "image/heic")
    )
    assert kept == cut
    assert [one["cleaned"] for one in (told, large, unknown)] == [False] * 3
    assert "too large: 60000 x 60000" in large["why"]
    assert "damaged" in told["why"]
    with pytest.raises(NotLetThrough, match="Save it as JPEG"):
        await cleaned(cut, "image/jpeg", others="refuse")


async def test_a_picture_becomes_one_that_a_channel_takes() -> None:
    clear = picture("WEBP", (600, 300), "RGBA", lossless=True)
    noise = io.BytesIO()
    Image.effect_noise((1_400, 1_400), 90).save(noise, "PNG")
    jpeg, png, small = await asyncio.gather(
        convert(clear, "image/jpeg", 5_000_000), convert(clear, "image/png", 5_000_000), convert(noise.getvalue(), "image/jpeg", 300_000)
    )
    for made in (jpeg, png):
        image = Image.open(io.BytesIO(made.content))
        assert (Image.MIME[image.format or ""], image.size) == (made.media_type, (600, 300))
    assert len(small.content) <= 300_000
    with pytest.raises(NotAPicture):
        await convert(b"%PDF-1.4", "image/jpeg", 5_000_000)
