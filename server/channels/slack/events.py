"""What Slack posts: events, presses of buttons and slash commands (docs.slack.dev)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from server.channels.contract import Answer, Inbound, Media, Received, Request, Settings, Unusable
from server.channels.slack.text import plain

Object = Mapping[str, Any]
_TAKEN = (None, "file_share", "thread_broadcast", "me_message")
_SKIPPED = Received()


def read(request: Request, settings: Settings) -> Received:
    """What customers said; raises Unusable."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            form = dict(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=100))
        except ValueError as error:
            raise Unusable(f"the form cannot be read: {error}") from None
        return _interaction(_object(form["payload"].encode()), settings) if "payload" in form else _command(form, settings)
    event = _object(request.body)
    if event.get("type") == "url_verification":
        return Received(answer=Answer(200, msgspec.json.encode({"challenge": str(event.get("challenge", ""))[:200]})))
    if event.get("type") != "event_callback" or not _ours(event.get("team_id"), event.get("api_app_id"), settings):
        return _SKIPPED
    return _message(_part(event, "event"), settings)


def _message(event: Object, settings: Settings) -> Received:
    direct = event.get("channel_type") == "im"
    user, channel, ts = (_text(event, name) for name in ("user", "channel", "ts"))
    is_message = event.get("type") in ("message", "app_mention") and event.get("subtype") in _TAKEN
    if not is_message or event.get("bot_id") or not (user and channel and ts) or user == settings.get("bot_user_id"):
        return _SKIPPED
    parent = _text(event, "thread_ts")
    spoken_to = direct or event.get("type") == "app_mention"
    if not (spoken_to or parent):
        return _SKIPPED
    thread = parent if direct else f"{channel}:{parent or ts}"
    place = {"channel": channel} | ({"thread_ts": parent or ts} if parent or not direct else {})
    files = tuple(_files(event.get("files")))
    text = plain(_text(event, "text"), settings.get("bot_user_id"))
    _refuse_nul(text)
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
    if given.get("type") != "block_actions" or not _ours(_part(given, "team").get("id"), given.get("api_app_id"), settings):
        return _SKIPPED
    actions = given.get("actions")
    action = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    picked = _part(action, "selected_option") or action
    value, label = picked.get("value"), _text(_part(picked, "text"), "text")
    user, channel = _text(_part(given, "user"), "id"), _text(_part(given, "channel"), "id")
    message, action_ts = _part(given, "message"), _text(action, "action_ts")
    if not (isinstance(value, str) and value and user and channel and action_ts):
        return _SKIPPED  # a link was opened
    _refuse_nul(value + label)
    direct = channel.startswith("D")
    parent = _text(message, "thread_ts")
    thread = parent if direct else f"{channel}:{parent or _text(message, 'ts')}"
    place = {"channel": channel} | ({"thread_ts": parent or _text(message, "ts")} if parent or not direct else {})
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
    _refuse_nul(text)
    return Received([Inbound(f"command:{trigger_id}", user, text, reply_place={"channel": user})])


def _files(files: Any) -> Iterator[Media]:
    for file in files[:10] if isinstance(files, list) else ():
        url = _text(file, "url_private_download") or _text(file, "url_private") if isinstance(file, dict) else ""
        if url:
            media_type = _text(file, "mimetype") or "application/octet-stream"
            size = file.get("size")
            name = _text(file, "name")
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


def _object(raw: bytes) -> Object:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(str(error)) from None
    if not isinstance(found, dict):
        raise Unusable("it is no JSON object")
    return found


def _part(given: Object, name: str) -> Object:
    found = given.get(name)
    return found if isinstance(found, dict) else {}


def _text(given: Object, name: str) -> str:
    found = given.get(name)
    return found if isinstance(found, str) else ""


def _refuse_nul(text: str) -> None:
    if "\0" in text:
        raise Unusable("the text has a NUL character")
