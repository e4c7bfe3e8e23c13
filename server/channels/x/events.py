"""What X posts: events of the Activity API (docs.x.com/x-api/activity/event-payloads) and of the Account Activity API that it replaces."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from server.channels.contract import Inbound, Received, Request, Settings, Status
from server.channels.payload import Object, json_object, part_of, parts_of, refuse_nul, text_of
from server.channels.x.direct import read_direct, read_encrypted, read_receipt
from server.channels.x.people import People
from server.channels.x.posts import read_post, read_tweet

_MENTIONED = ("post.mention.create", "post.reply.create")


def read(request: Request, settings: Settings) -> Received:
    """What people wrote to this channel's account; raises Unusable. Nothing that the account itself or another bot wrote."""
    told = json_object(request.body)
    refuse_nul(told)
    account = str(settings.get("user_id") or "")
    if not account:
        return Received()
    events = [part_of(told, "data")] if part_of(told, "data") else list(parts_of(told, "data"))
    # One app serves many accounts: what is for another one is left to its channel.
    found = [_activity(event, settings) for event in events if text_of(part_of(event, "filter"), "user_id") == account]
    if text_of(told, "for_user_id") == account:
        found.append(_account_activity(told, settings))
    return Received([said for messages, _ in found for said in messages], [status for _, statuses in found for status in statuses])


def _activity(event: Object, settings: Settings) -> tuple[Iterable[Inbound], Iterable[Status]]:
    kind, payload = text_of(event, "event_type"), part_of(event, "payload")
    people = _people(part_of(payload, "users").values()) | _people(parts_of(part_of(event, "includes"), "users"))
    if kind in ("dm.received", "dm.read"):
        return _direct(payload, people, settings)
    if kind == "chat.received":
        return _written([payload], lambda chat: read_encrypted(chat, settings)), ()
    if kind in _MENTIONED and settings.get("mentions") == "yes":
        media = list(parts_of(part_of(event, "includes"), "media"))
        return _written([payload], lambda post: read_post(post, people, media, settings, replies=kind == _MENTIONED[1])), ()
    return (), ()


def _account_activity(told: Object, settings: Settings) -> tuple[Iterable[Inbound], Iterable[Status]]:
    people = _people(part_of(told, "users").values())
    messages, statuses = _direct(told, people, settings)
    posts = parts_of(told, "tweet_create_events") if settings.get("mentions") == "yes" else iter(())
    return [*messages, *_written(posts, lambda post: read_tweet(post, settings))], statuses


def _direct(given: Object, people: People, settings: Settings) -> tuple[Iterable[Inbound], Iterable[Status]]:
    messages = _written(parts_of(given, "direct_message_events"), lambda event: read_direct(event, people, settings))
    receipts = (read_receipt(event, settings) for event in parts_of(given, "direct_message_mark_read_events"))
    return messages, [receipt for receipt in receipts if receipt is not None]


def _written(events: Iterable[Object], read_one: Callable[[Object], Inbound | None]) -> Iterator[Inbound]:
    for event in events:
        if (said := read_one(event)) is not None:
            yield said


def _people(given: Iterable[Any]) -> dict[str, Object]:
    """The users that came along, by their ids; each stands by itself or under `data`."""
    users = [part_of(one, "data") or one for one in given if isinstance(one, dict)]
    return {text_of(user, "id"): user for user in users}
