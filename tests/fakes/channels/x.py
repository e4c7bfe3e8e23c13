"""X: API v2 as docs.x.com describes it, with calls signed by OAuth 1.0a, and the events that it posts."""

import hmac
import json
import re
import time
from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import httpx

from tests.conversations.chat_script import Said
from tests.fakes.channels.plain_words import said_in
from tests.fakes.channels.provider import FakeProvider, Refused, Took
from tests.fakes.http import Request

ACCOUNT, PERSON, STRANGER = "1111", "2222", "3333"
KEY, SECRET, TOKEN, TOKEN_SECRET = "xConsumerKey1", "x_consumer_secret_test", "1111-AccessToken", "AccessTokenSecret"
BEARER = "AAAAAAAAAAAAAAAA%2FtestBearer"
PICTURE = b"\x89PNG a shoe"
MOST_DIRECT, MOST_POST = 10_000, 280


class FakeX(FakeProvider):
    """One app, its account, and one person who writes direct messages to it. `posts` are those that it made in public."""

    kind = "x"
    gives_files = False

    def __init__(self) -> None:
        super().__init__()
        self.posts: list[dict[str, Any]] = []
        self.hooks: list[dict[str, Any]] = []
        self.subscriptions: list[dict[str, Any]] = []
        self.uploads: list[dict[str, Any]] = []
        self.marks: list[tuple[str, dict[str, str]]] = []
        self.access = "read-write-directmessages"
        self.refuses_events: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, str]:
        """The app's key; the account is found out by the live check."""
        return {"consumer_key": KEY, "api_url": self.url}

    @property
    def secrets(self) -> dict[str, str]:
        """All that stands on the page Keys and tokens."""
        return {"consumer_secret": SECRET, "access_token": TOKEN, "access_token_secret": TOKEN_SECRET, "bearer_token": BEARER}

    def sends(self, request: Request) -> bool:
        """Whether a direct message or a post is sent."""
        return request.method == "POST" and (request.path.endswith("/messages") or request.path == "/2/tweets")

    def take(self, request: Request) -> Any:
        """Answer as X does."""
        path = request.path.partition("?")[0]
        if path.startswith("/2/webhooks") or (request.method, path) == ("GET", "/2/activity/subscriptions"):
            return self._app(request, path)
        if path == "/shoe.png":
            return Took(PICTURE, headers={"Content-Type": "image/png"})
        if not _is_signed(self.url, request):
            raise _refused(401, "Unauthorized", "Unauthorized")
        match request.method, path.split("/")[1:]:
            case "GET", ["2", "users", "me"]:
                return Took({"data": {"id": ACCOUNT, "name": "Acme", "username": "acme"}}, headers={"x-access-level": self.access})
            case "POST", ["2", "dm_conversations", "with", person, "messages"]:
                return self._direct(person, request.json)
            case "POST", ["2", "tweets"]:
                return self._post(request.json)
            case "POST", ["2", "media", "upload"]:
                return self._upload(request.json)
            case "POST", ["2", "activity", "subscriptions"]:
                return self._subscribe(request.json)
            case "POST", ["1.1", "direct_messages", mark]:
                self.marks.append((mark.removesuffix(".json"), dict(parse_qsl(request.body.decode()))))
                return Took(b"", 204)
            case "GET", ["1.1", "ton", "data", "dm", *_]:
                return PICTURE
        raise _refused(404, "Not Found Error", "Not Found")

    def _app(self, request: Request, path: str) -> Any:
        """What only the app itself may see and do."""
        if request.headers.get("authorization") != f"Bearer {BEARER}":
            raise _refused(401, "Unauthorized", "Unauthorized")
        if path == "/2/activity/subscriptions":
            return {"data": self.subscriptions, "meta": {"total_subscriptions": len(self.subscriptions)}}
        if request.method == "POST":
            self.hooks.append({"id": "w1", "url": request.json["url"], "valid": True})
            return {"data": self.hooks[-1]}
        if request.method == "PUT":
            next(hook for hook in self.hooks if path.endswith(hook["id"]))["valid"] = True
            return {"data": {"attempted": True}}
        return {"data": self.hooks, "meta": {"result_count": len(self.hooks)}}

    def _subscribe(self, given: dict[str, Any]) -> Any:
        if given["filter"] != {"user_id": ACCOUNT} or given["event_type"] in self.refuses_events:
            raise _refused(403, "Forbidden", "Your package does not include this event type")
        self.subscriptions.append({"subscription_id": str(len(self.subscriptions)), **given})
        return {"data": {"subscription": self.subscriptions[-1]}}

    def _upload(self, given: dict[str, Any]) -> Any:
        if given["media_category"] not in ("dm_image", "tweet_image") or not b64decode(given["media"], validate=True):
            raise _refused(400, "Invalid Request", "media_category")
        self.uploads.append(given)
        return {"data": {"id": f"9{len(self.uploads)}", "media_key": f"3_9{len(self.uploads)}"}}

    def _direct(self, person: str, given: dict[str, Any]) -> Any:
        attachments = given.get("attachments", [])
        if person != PERSON:
            raise _refused(403, "Forbidden", "You do not have permission to DM one or more participants.", "not-authorized-for-resource")
        if not (given.get("text") or attachments) or len(given.get("text", "")) > MOST_DIRECT or len(attachments) > 1:
            raise _refused(400, "Invalid Request", "One or more parameters to your request was invalid.", "invalid-request")
        self.calls.append(given)
        self.said.append(said_in(given.get("text", "")))
        return {"data": {"dm_conversation_id": f"{ACCOUNT}-{PERSON}", "dm_event_id": f"d{len(self.calls)}"}}

    def _post(self, given: dict[str, Any]) -> Any:
        if _weight(given.get("text", "")) > MOST_POST or not given["reply"]["in_reply_to_tweet_id"].isdigit():
            raise _refused(400, "Invalid Request", "Your Tweet text is too long.", "invalid-request")
        if given in self.posts:
            raise _refused(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
        self.posts.append(given)
        self.calls.append(given)
        self.said.append(Said(given.get("text", "")))
        return {"data": {"id": f"5{len(self.posts)}", "text": given.get("text", "")}}

    def event(self, kind: str, payload: dict[str, Any], **more: Any) -> httpx.Request:
        """An event of the Activity API about the account, signed."""
        self.sent += 1
        told = {"event_uuid": f"e{self.sent}", "filter": {"user_id": ACCOUNT}, "event_type": kind, "tag": "chatloom", "payload": payload}
        body = json.dumps({"data": {**told, **more}})
        proof = "sha256=" + b64encode(hmac.digest(SECRET.encode(), body.encode(), "sha256")).decode()
        headers = {"content-type": "application/json", "x-twitter-webhooks-signature": proof}
        return httpx.Request("POST", "http://hook/", content=body, headers=headers)

    def direct(self, **data: Any) -> httpx.Request:
        """A direct message of the person."""
        created = {"target": {"recipient_id": ACCOUNT}, "sender_id": PERSON, "message_data": {"text": "", **data}}
        event = {"type": "message_create", "id": f"20{self.sent}", "created_timestamp": str(_now_ms()), "message_create": created}
        users = {PERSON: {"data": {"id": PERSON, "name": "Ana", "username": "ana"}}}
        return self.event("dm.received", {"direct_message_events": [event], "users": users})

    def mentions(self, text: str, post_id: str = "30", conversation_id: str = "30") -> httpx.Request:
        """A public post of the person that mentions the account."""
        entities = {"mentions": [{"username": "acme", "id": ACCOUNT}]}
        at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        post = {
            "id": post_id,
            "author_id": PERSON,
            "text": text,
            "conversation_id": conversation_id,
            "created_at": at,
            "entities": entities,
        }
        return self.event("post.mention.create", post, includes={"users": [{"id": PERSON, "name": "Ana", "username": "ana"}]})

    def writes(self, text: str) -> httpx.Request:
        """A text."""
        return self.direct(text=text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))

    def presses(self, label: str) -> httpx.Request:
        """There are no buttons: people write what they choose."""
        return self.writes(label)

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """A photo, which is all that people can send; its name and type are X's."""
        photo = {"id": 7, "type": "photo", "url": "https://t.co/p", "media_url_https": f"{self.url}/1.1/ton/data/dm/1/7/{name}"}
        return self.direct(text="https://t.co/p", attachment={"type": "media", "media": photo})


def _is_signed(url: str, request: Request) -> bool:
    """Whether the header's signature fits the call (RFC 5849): those of a form count, JSON does not."""
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    told = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', rest)}
    given = told.pop("oauth_signature", "")
    path, _, query = request.path.partition("?")
    form = request.body.decode() if "urlencoded" in request.headers.get("content-type", "") else ""
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in [*parse_qsl(query), *parse_qsl(form), *told.items()])
    base = "&".join((request.method, _encoded(url + path), _encoded("&".join("=".join(pair) for pair in pairs))))
    expected = b64encode(hmac.digest(f"{SECRET}&{TOKEN_SECRET}".encode(), base.encode(), "sha1")).decode()
    fresh = abs(time.time() - int(told.get("oauth_timestamp", "0"))) < 300
    return kind == "OAuth" and fresh and given == expected and (told["oauth_consumer_key"], told["oauth_token"]) == (KEY, TOKEN)


def _weight(text: str) -> int:
    short = re.sub(r"https?://\S+", "x" * 23, text)
    return sum(1 if ord(letter) < 4352 or 8192 <= ord(letter) <= 8247 else 2 for letter in short)


def _refused(status: int, title: str, detail: str, problem: str = "about:blank") -> Refused:
    kind = problem if problem == "about:blank" else f"https://api.twitter.com/2/problems/{problem}"
    return Refused(status, {"title": title, "detail": detail, "type": kind, "status": status})


def _encoded(text: str) -> str:
    return quote(text, safe="~")


def _now_ms() -> int:
    return int(time.time() * 1000)
