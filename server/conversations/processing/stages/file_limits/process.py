"""Refuses files of a kind or size that a channel does not want. The kind is told from the content."""

from server.conversations.processing.contract import Aids, FileResult, Given, Rejected, Settings

_MEGABYTE = 1024 * 1024


async def process(file: Given, settings: Settings, aids: Aids) -> FileResult:
    """The kind of the file; Rejected when it is not wanted."""
    wanted = [kind.strip() for kind in settings["kinds"].split(",") if kind.strip()]
    kind, most = kind_of(file.media_type), int(settings["megabytes"])
    if kind not in wanted:
        raise Rejected(f"Files of this kind are not taken here. Send one of: {', '.join(wanted) or 'no files at all'}.")
    if file.size > most * _MEGABYTE:
        raise Rejected(f"A file has at most {most} MB here. Send a smaller one.")
    return FileResult({"kind": kind, "media_type": file.media_type})


def kind_of(media_type: str) -> str:
    """image, audio, video, text, or document."""
    family = media_type.partition("/")[0]
    return family if family in ("image", "audio", "video", "text") else "document"
