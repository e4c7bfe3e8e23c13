"""What a channel's adapter read, as inputs of the flow."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from flow_runtime import Attachment, Choice, EventReceived, Input, Location, Message, input_to_json
from server.channels.contract import Inbound
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


def arrivals_of(hooked: Hooked, said: Inbound, files: ProviderFiles) -> Iterator[Arrival]:
    """One arrival for each input that a message makes: each file is one. What the provider kept for more than a week is stale."""
    now = clock.now()
    heard_at = min(said.at or now, now)
    contact = Contact(said.contact_id, said.contact_name, said.language, said.attributes)
    for number, given in enumerate(_inputs(hooked, said, files)):
        yield Arrival(
            hooked.tenant_id,
            hooked.channel_id,
            f"hook:{said.key}" if number == 0 else f"hook:{said.key}:{number}",
            input_to_json(given),
            contact=contact,
            flow_id=hooked.flow_id,
            thread=said.thread,
            heard_at=heard_at,
            reply_place=said.reply_place,
            stale=now - heard_at > STALE,
        )


def _inputs(hooked: Hooked, said: Inbound, files: ProviderFiles) -> Iterator[Input]:
    at, seed = clock.now(), secrets.randbits(48)
    if said.unsupported is not None:
        yield EventReceived(UNSUPPORTED, {"type": said.unsupported}, at=at, seed=seed)
    elif said.choice is not None:
        yield Choice(value=said.choice, text=said.text or "", at=at, seed=seed)
    elif (place := said.location) is not None:
        yield Location(place.latitude, place.longitude, place.label, at=at, seed=seed)
    elif said.media:
        for number, media in enumerate(said.media):
            words = media.caption or (said.text or "" if number == 0 else "")
            url = media.url or files.url(hooked.kind, hooked.channel_id, media.provider_ref or "")
            yield Attachment(url, media.media_type, media.name or media.kind, media.size or 0, words, at=at, seed=seed + number)
    else:
        yield Message(text=said.text or "", language=said.language, at=at, seed=seed)
