"""What a channel's adapter read, as inputs of the flow."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from flow_runtime import Attachment, Choice, ConversationStarted, EventReceived, File, Input, Location, Message, input_to_json
from server.channels.contract import Inbound, Media
from server.conversations.inbox import Arrival, Contact
from server.conversations.provider_files import ProviderFiles
from server.kit import clock

STALE = timedelta(days=7)
UNSUPPORTED = "unsupported_message"


@dataclass(frozen=True, slots=True)
class Hooked:
    """A flow behind a channel whose provider calls us."""

    tenant_id: UUID
    channel_id: UUID
    kind: str
    flow_id: UUID
    resumes: bool = False


def arrival_of(hooked: Hooked, said: Inbound, files: ProviderFiles) -> Arrival:
    """The message as it is stored. What the provider kept for more than a week is stale: nobody waits for an answer any more."""
    now = clock.now()
    heard_at = min(said.at or now, now)
    return Arrival(
        hooked.tenant_id,
        hooked.channel_id,
        f"hook:{said.key}",
        input_to_json(_input(hooked, said, files)),
        contact=Contact(said.contact_id, said.contact_name, said.language, said.attributes),
        flow_id=hooked.flow_id,
        thread=said.thread,
        heard_at=heard_at,
        reply_place=said.reply_place,
        stale=now - heard_at > STALE,
        continues=said.continues,
        resumes=hooked.resumes,
    )


def _input(hooked: Hooked, said: Inbound, files: ProviderFiles) -> Input:
    at, seed = clock.now(), secrets.randbits(48)
    if said.opens:
        return ConversationStarted(language=said.language, at=at, seed=seed)
    if said.event is not None:
        return EventReceived(said.event, dict(said.payload), at=at, seed=seed)
    if said.unsupported is not None:
        return EventReceived(UNSUPPORTED, {"type": said.unsupported}, at=at, seed=seed)
    if said.choice is not None:
        return Choice(value=said.choice, text=said.text or "", at=at, seed=seed)
    if (place := said.location) is not None:
        return Location(place.latitude, place.longitude, place.label, at=at, seed=seed)
    if said.media:
        first, *others = [_file(hooked, media, files) for media in said.media]
        words = said.text or next((media.caption for media in said.media if media.caption), "")
        return Attachment(first.url, first.media_type, first.name, first.size, words, first.id, tuple(others), at=at, seed=seed)
    return Message(text=said.text or "", language=said.language, at=at, seed=seed)


def _file(hooked: Hooked, media: Media, files: ProviderFiles) -> File:
    url = media.url or files.url(hooked.kind, hooked.channel_id, media.provider_ref or "")
    return File(url, media.media_type, media.name or media.kind, media.size or 0, media.kept_as)
