"""What Slack posts: events, presses of buttons and slash commands (docs.slack.dev)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from server.channels.contract import Answer, Inbound, Media, Received, Request, Settings, Unusable
from server.channels.payload import Object, json_object, part_of, refuse_nul, text_of
from server.channels.slack.text import plain

_TAKEN = (None, "file_share", "thread_broadcast", "me_message")
_SKIPPED = Received()


def read(request: Request, settings: Settings) -> Received:
    """What customers said; raises Unusable."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            form = dict(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=100))
        except ValueError as error:
            raise Unusable(f"the form cannot be read: {error}") from None
        refuse_nul(form)
        return _interaction(json_object(form["payload"].encode()), settings) if "payload" in form else _command(form, settings)
    event = json_object(request.body)
    refuse_nul(event)
    if event.get("type") == "url_verification":
        return Received(answer=Answer(200, msgspec.json.encode({"challenge": str(event.get("challenge", ""))[:200]})))
    if event.get("type") != "event_callback" or not _ours(event.get("team_id"), event.get("api_app_id"), settings):
        return _SKIPPED
    return _message(part_of(event, "event"), settings)


def _message(event: Object, settings: Settings) -> Received:
    direct = event.get("channel_type") == "im"
    user, channel, ts = (text_of(event, name) for name in ("user", "channel", "ts"))
    is_message = event.get("type") in ("message", "app_mention") and event.get("subtype") in _TAKEN
    if not is_message or event.get("bot_id") or not (user and channel and ts) or user == settings.get("bot_user_id"):
        return _SKIPPED
    parent = text_of(event, "thread_ts")
    spoken_to = direct or event.get("type") == "app_mention"
    if not (spoken_to or parent):
        return _SKIPPED
    thread = parent if direct else f"{channel}:{parent or ts}"
    place = {"channel": channel} | ({"thread_ts": parent or ts} if parent or not direct else {})
    files = tuple(_files(event.get("files")))
    text = plain(text_of(event, "text"), settings.get("bot_user_id"))
    if not text and not files:
        return _SKIPPED
    # The same message comes as `message` and as `app_mention`, each with an event id of its own: channel and time name it once.
    key = f"{channel}:{ts}"
    said = Inbound(
        key,
        user,
        text or None,
        media=files,
        at=_moment(ts),
        thread=thread or None,
        reply_place=place,
        continues=not spoken_to,
    )
    return Received([said])


def _interaction(given: Object, settings: Settings) -> Received:
    """A press of a button, or a choice from a menu."""
    refuse_nul(given)
    if given.get("type") != "block_actions" or not _ours(part_of(given, "team").get("id"), given.get("api_app_id"), settings):
        return _SKIPPED
    actions = given.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    picked = part_of(action, "selected_option") or action
    value, label = picked.get("value"), text_of(part_of(picked, "text"), "text")
    user, channel = text_of(part_of(given, "user"), "id"), text_of(part_of(given, "channel"), "id")
    message, action_ts = part_of(given, "message"), text_of(action, "action_ts")
    if not (isinstance(value, str) and value and user and channel and action_ts):
        return _SKIPPED  # a link was opened
    direct = channel.startswith("D")
    parent = text_of(message, "thread_ts")
    thread = parent if direct else f"{channel}:{parent or text_of(message, 'ts')}"
    place = {"channel": channel} | ({"thread_ts": parent or text_of(message, "ts")} if parent or not direct else {})
    key = f"action:{channel}:{action_ts}:{user}"
    said = Inbound(key, user, label or None, value, at=_moment(action_ts), thread=thread or None, reply_place=place)
    return Received([said])


def _command(form: Mapping[str, str], settings: Settings) -> Received:
    """A slash command is answered in a direct message: the bot may not be in the channel where it was given."""
    if not _ours(form.get("team_id"), form.get("api_app_id"), settings):
        return _SKIPPED
    user, trigger_id, command = form.get("user_id", ""), form.get("trigger_id", ""), form.get("command", "")
    text = plain(form.get("text", ""), settings.get("bot_user_id")) or command
    if not (user and trigger_id and text):
        raise Unusable("a command has a user, a trigger and a name")
    return Received([Inbound(f"command:{trigger_id}", user, text, reply_place={"channel": user})])


def _files(files: Any) -> Iterator[Media]:
    for file in files[:10] if isinstance(files, list) else ():
        url = text_of(file, "url_private_download") or text_of(file, "url_private") if isinstance(file, dict) else ""
        if url:
            media_type = text_of(file, "mimetype") or "application/octet-stream"
            size = file.get("size")
            name = text_of(file, "name")
            yield Media(_kind(media_type), None, url, name, media_type, size if isinstance(size, int) else None)


def _kind(media_type: str) -> Literal["image", "audio", "video", "file"]:
    family = media_type.partition("/")[0]
    return "image" if family == "image" else "audio" if family == "audio" else "video" if family == "video" else "file"


def _ours(team_id: Any, app_id: Any, settings: Settings) -> bool:
    """One signing secret serves an app in many workspaces: what belongs to another one is not for this channel."""
    return bool(team_id) and team_id == settings.get("team_id") and app_id == settings.get("app_id")


def _moment(ts: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return None
