"""A process that reads one picture and writes it anew. Started by `pictures`, never imported: it limits itself and ends.

On standard input: a line of JSON (`do`, `media_type`, `most_bytes`), then the picture. On standard output: a line of JSON (`media_type`,
`width`, `height`, `removed`, or `error`), then the new picture, or nothing where the old one is good as it is.
"""

import io
import json
import os
import resource
import sys
from typing import Any

from PIL import Image, ImageOps, ImageSequence

MOST_DOTS = 50_000_000
MOST_FRAMES = 200
MEMORY_BYTES = 1 << 30
SECONDS = 10
FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/tiff": "TIFF",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/avif": "AVIF",
}
ORIENTATION, GPS = 0x0112, 0x8825
QUALITIES = (90, 80, 65)
LONGEST_SIDES = (4096, 2048, 1280, 800)
# In a TIFF the picture itself is described by tags, too: description, maker, model, software, date, artist, host, XMP, copyright, IPTC,
# Photoshop, Exif, position.
_TELLING_TAGS = frozenset((0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x02BC, 0x8298, 0x83BB, 0x8649, 0x8769, GPS))
_KEPT = ("transparency", "background", "gamma", "dpi", "loop", "duration", "disposal", "blend", "default_image", "timestamp")


class Unreadable(Exception):
    """The picture cannot be used; the message says why."""


def limit_this_process() -> None:
    """Memory for one large picture, no files, no other processes, ten seconds of the processor."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(kind, (limit, limit))
    os.nice(5)


def opened(content: bytes, formats: tuple[str, ...] | None = None) -> Image.Image:
    """The picture, looked at but not decoded; raises Unreadable."""
    picture = Image.open(io.BytesIO(content), formats=formats)
    if picture.width * picture.height * min(frames_of(picture), MOST_FRAMES) > MOST_DOTS * (4 if frames_of(picture) > 1 else 1):
        raise Unreadable(f"it is too large: {picture.width} x {picture.height} dots")
    if frames_of(picture) > MOST_FRAMES:
        raise Unreadable(f"it has {frames_of(picture)} frames")
    return picture


def frames_of(picture: Image.Image) -> int:
    """How many pictures it is made of."""
    return int(getattr(picture, "n_frames", 1))


def metadata_of(picture: Image.Image) -> list[str]:
    """The kinds of metadata in it."""
    exif = picture.getexif()
    pieces = {
        "exif": bool(_TELLING_TAGS & set(exif)) if picture.format == "TIFF" else bool(exif),
        "position": GPS in exif,
        "xmp": any(name in picture.info for name in ("xmp", "XML:com.adobe.xmp", "Raw profile type xmp")),
        "iptc": "photoshop" in picture.info or "Raw profile type iptc" in picture.info,
        "comment": bool(picture.info.get("comment")) or bool(getattr(picture, "text", None)),
    }
    return [name for name, there in pieces.items() if there]


def clean(content: bytes, media_type: str) -> tuple[dict[str, Any], bytes]:
    """What the picture is, and its new content; empty when there is nothing to leave out."""
    picture = opened(content, (FORMATS[media_type], "MPO") if media_type == "image/jpeg" else (FORMATS[media_type],))
    removed = metadata_of(picture)
    turned = picture.getexif().get(ORIENTATION, 1) != 1
    about = {"media_type": media_type, "width": picture.width, "height": picture.height, "removed": removed}
    if not removed or media_type in ("image/gif", "image/bmp"):
        picture.load()
        return about | {"removed": []}, b""
    out = io.BytesIO()
    if frames_of(picture) > 1 and media_type != "image/jpeg":
        _write_frames(picture, FORMATS[media_type], out)
    else:
        _write(picture, FORMATS[media_type], out, turned)
    shown = Image.open(io.BytesIO(out.getvalue()))
    return about | {"width": shown.width, "height": shown.height}, out.getvalue()


def _write(picture: Image.Image, form: str, out: io.BytesIO, turned: bool) -> None:
    options = _options(picture, form)
    if form == "JPEG":
        plain = not turned and picture.format == "JPEG"
        options |= {"quality": "keep"} if plain else {"quality": 95, "subsampling": "keep" if plain else 0}
        options["progressive"] = bool(picture.info.get("progressive"))
    image = ImageOps.exif_transpose(picture) if turned else picture if form == "JPEG" else picture.copy()
    _forget(image)
    image.save(out, form, **options)


def _write_frames(picture: Image.Image, form: str, out: io.BytesIO) -> None:
    options = _options(picture, form)
    durations = [frame.info.get("duration", 0) for frame in ImageSequence.Iterator(picture)]
    frames = [frame.copy() for frame in ImageSequence.Iterator(picture)]
    for frame in frames:
        _forget(frame)
    if any(durations):
        options["duration"] = durations
    frames[0].save(out, form, save_all=True, append_images=frames[1:], **options)


def _options(picture: Image.Image, form: str) -> dict[str, Any]:
    options: dict[str, Any] = {name: picture.info[name] for name in ("transparency", "loop") if name in picture.info and form != "JPEG"}
    if profile := picture.info.get("icc_profile"):
        options["icc_profile"] = profile
    if form in ("WEBP", "AVIF"):
        options["quality"] = 90
    if form == "TIFF":
        options["compression"] = "tiff_lzw"
    return options


def _forget(image: Image.Image) -> None:
    """Keep of what stands beside the dots only what is needed to show them."""
    image.info = {name: value for name, value in image.info.items() if name in _KEPT}


def convert(content: bytes, media_type: str, most_bytes: int) -> tuple[dict[str, Any], bytes]:
    """The first picture of it as another kind, as large as the bytes allow."""
    picture = opened(content)
    removed = metadata_of(picture)
    image = ImageOps.exif_transpose(picture)
    for side in LONGEST_SIDES:
        if max(image.size) > side:
            image.thumbnail((side, side))
        for quality in QUALITIES if media_type != "image/png" else QUALITIES[:1]:
            out = io.BytesIO()
            _flat(image, media_type).save(out, FORMATS[media_type], quality=quality)
            if out.tell() <= most_bytes:
                return {"media_type": media_type, "width": image.width, "height": image.height, "removed": removed}, out.getvalue()
    raise Unreadable(f"it cannot be made smaller than {most_bytes} bytes")


def _flat(image: Image.Image, media_type: str) -> Image.Image:
    """A copy in colours that the kind can hold; JPEG has no transparency: white stands behind it."""
    if media_type != "image/jpeg":
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    white = Image.new("RGBA", seen.size, "white")
    white.alpha_composite(seen)
    return white.convert("RGB")


def main() -> None:
    """Read, do, answer, end."""
    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # `opened` looks at the size before anything is decoded
    limit_this_process()
    asked = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    try:
        if asked["do"] == "clean":
            about, written = clean(content, asked["media_type"])
        else:
            about, written = convert(content, asked["media_type"], asked["most_bytes"])
    except Unreadable as reason:
        about, written = {"error": str(reason)}, b""
    except Exception as error:
        about, written = {"error": f"it is damaged, or no picture that can be read here ({type(error).__name__})"}, b""
    sys.stdout.buffer.write(json.dumps(about).encode() + b"\n" + written)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
