"""Posts that mention an account on X, or answer what it posted."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from server.channels.contract import Inbound, Media, Settings
from server.channels.payload import Object, part_of, parts_of, text_of
from server.channels.x.people import People, is_automated, moment, plain, who_is

ONE_THREAD = "posts"
"""The older API does not say to which conversation a post belongs: there, all that one person posts is one."""


def read_post(post: Object, people: People, media: Sequence[Object], settings: Settings, *, replies: bool) -> Inbound | None:
    """A post of the Activity API. One that only `replies` goes on with a conversation and begins none."""
    key, author, account = text_of(post, "id"), text_of(post, "author_id"), settings.get("user_id")
    person = people.get(author, {})
    if not (key and author) or author == account or is_automated(person):
        return None
    entities = part_of(post, "entities")
    mentions = list(parts_of(entities, "mentions"))
    mentioned = any(mention.get("id") == account for mention in mentions)
    ours = [text_of(mention, "username") for mention in mentions if mention.get("id") == account]
    text = _without(ours, plain(text_of(post, "text"), entities))
    pictures = tuple(_pictures(part_of(post, "attachments").get("media_keys"), media))
    language = text_of(post, "lang")[:35]
    thread = text_of(post, "conversation_id") or key
    if not (text or pictures):
        return None
    return Inbound(
        f"post:{key}",
        author,
        text or None,
        language=None if language in ("", "und", "zxx") else language,
        media=pictures,
        at=_iso_moment(text_of(post, "created_at")),
        thread=f"post:{thread}",
        reply_place={"post_id": key},
        continues=replies and not mentioned,
        **who_is(person),
    )


def read_tweet(tweet: Object, settings: Settings) -> Inbound | None:
    """A post of the Account Activity API, which also tells of the account's own posts and of what is only passed on."""
    key, user, account = text_of(tweet, "id_str"), part_of(tweet, "user"), settings.get("user_id")
    author, long = text_of(user, "id_str"), part_of(tweet, "extended_tweet")
    if not (key and author) or author == account or is_automated(user) or tweet.get("retweeted_status"):
        return None
    entities = part_of(long, "entities") or part_of(tweet, "entities")
    ours = [text_of(one, "screen_name") for one in parts_of(entities, "user_mentions") if one.get("id_str") == account]
    answers_us = tweet.get("in_reply_to_user_id_str") == account
    text = _without(ours, plain(text_of(long, "full_text") or text_of(tweet, "text"), entities))
    if not text or not (ours or answers_us):
        return None
    at = moment(tweet.get("timestamp_ms"))
    place = {"post_id": key}
    return Inbound(f"post:{key}", author, text, at=at, thread=ONE_THREAD, reply_place=place, continues=not ours, **who_is(user))


def _without(names: Iterable[str], text: str) -> str:
    """The text without our own name, unless it says nothing else."""
    taken = "|".join(re.escape(name) for name in names if name)
    left = re.sub(rf"[ \t]*(?<![\w@])@(?:{taken})\b[,:]?", "", text, flags=re.IGNORECASE).strip() if taken else text
    return left or text


def _pictures(keys: Any, media: Sequence[Object]) -> Iterator[Media]:
    wanted = keys if isinstance(keys, list) else []
    for one in media:
        if one.get("media_key") in wanted and one.get("type") == "photo" and (url := text_of(one, "url")).startswith("https://"):
            yield Media("image", url, None, "", "image/jpeg")


def _iso_moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
