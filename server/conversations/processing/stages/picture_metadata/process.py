"""Leaves the metadata out of pictures, in a process of its own."""

from server.conversations.processing.contract import Aids, FileResult, Given, Rejected, Settings
from server.conversations.processing.pictures import CLEANED, NotAPicture, clean


async def process(file: Given, settings: Settings, aids: Aids) -> FileResult:
    """The same picture without metadata; what was left out is found. Files that are no pictures go on as they are."""
    if not file.media_type.startswith("image/"):
        return FileResult({"picture": False})
    try:
        if file.media_type not in CLEANED:
            raise NotAPicture(f"{file.media_type} cannot be cleaned")
        picture = await clean(file.content.read(), file.media_type)
    except NotAPicture as reason:
        if settings["others"] == "refuse":
            raise Rejected("This picture cannot be read. Save it as JPEG or PNG and send it again.") from None
        return FileResult({"picture": True, "cleaned": False, "why": str(reason)})
    found = {"picture": True, "cleaned": True, "removed": picture.removed, "width": picture.width, "height": picture.height}
    return FileResult(found, picture.content if picture.removed else None)
