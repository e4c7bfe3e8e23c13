"""Twilio's Messages API and the account behind it as twilio.com/docs describes them, and the forms that Twilio signs."""

import base64
import hmac
from abc import abstractmethod
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from tests.fakes.channels.provider import FakeProvider, Refused, Took
from tests.fakes.http import Request

ACCOUNT, TOKEN = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0123456789abcdef0123456789abcdef"
KEY, KEY_SECRET = "SKbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
NUMBER, CUSTOMER = "+14155238886", "+16505551234"
NUMBER_SID, SERVICE = "PN" + "1" * 32, "MG" + "2" * 32
FILE = b"%PDF-1.4 a receipt"
MOST_CHARACTERS = 1_600


class FakeTwilio(FakeProvider):
    """One account with one sender, and one customer. `hook` is the address it was told for messages."""

    prefix = ""
    name_of_files = "file.pdf"
    most_media = 10

    def __init__(self) -> None:
        super().__init__()
        self.hook = ""
        self.status = "active"
        self.type = "Full"
        self.can = {"sms": True, "mms": True, "voice": True}
        self.opted_out = False

    @property
    def settings(self) -> dict[str, str]:
        """The account, the sender, and another address of the API."""
        return {"account_sid": ACCOUNT, "sender": NUMBER, "api_url": self.url}

    @property
    def secrets(self) -> dict[str, str]:
        """The account's token."""
        return {"auth_token": TOKEN}

    def sends(self, request: Request) -> bool:
        """Whether a message is sent."""
        return request.path.endswith("/Messages.json")

    def take(self, request: Request) -> Any:
        """Answer as the REST API does."""
        path, _, query = request.path.partition("?")
        if path == "/media/receipt.pdf" and "authorization" not in request.headers:
            return FILE
        user = self._user(request)
        account = f"/2010-04-01/Accounts/{ACCOUNT}"
        if path == f"{account}.json":
            return {"sid": ACCOUNT, "friendly_name": "Acme", "status": self.status, "type": self.type}
        if path == f"{account}/Messages.json":
            return self._send(dict_of(request.body.decode()))
        if path == f"{account}/Messages/MM01/Media/ME01":
            return Took(b"", 307, {"Location": f"{self.url}/media/receipt.pdf"})
        if user != ACCOUNT:
            raise refused(403, 20403, "Forbidden")
        if path == f"{account}/IncomingPhoneNumbers.json":
            number = dict(parse_qsl(query)).get("PhoneNumber")
            return {"incoming_phone_numbers": [{"sid": NUMBER_SID, "phone_number": NUMBER, "capabilities": self.can}] * (number == NUMBER)}
        if path == f"{account}/IncomingPhoneNumbers/{NUMBER_SID}.json":
            self.hook = dict_of(request.body.decode())["SmsUrl"][0]
            return {"sid": NUMBER_SID, "sms_url": self.hook}
        if path == f"/v1/Services/{SERVICE}":
            self.hook = dict_of(request.body.decode()).get("InboundRequestUrl", [self.hook])[0]
            return {"sid": SERVICE, "friendly_name": "Acme"}
        raise refused(404, 20404, "The requested resource was not found")

    def _user(self, request: Request) -> str:
        given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if given not in (f"{ACCOUNT}:{TOKEN}", f"{KEY}:{KEY_SECRET}"):
            raise refused(401, 20003, "Authenticate")
        return given.partition(":")[0]

    def _send(self, given: dict[str, list[str]]) -> Any:
        if given["To"] != [self.prefix + CUSTOMER]:
            raise refused(400, 21211, "The 'To' number is not a valid phone number.")
        if given.get("From") != [self.prefix + NUMBER] and given.get("MessagingServiceSid") != [SERVICE]:
            raise refused(400, 21659, "The 'From' number is not a Twilio phone number or short code.")
        if self.opted_out:
            raise refused(400, 21610, "Attempt to send to unsubscribed recipient")
        body = given.get("Body", [""])[0]
        if len(body) > MOST_CHARACTERS:
            raise refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        media = given.get("MediaUrl", [])
        if not (body or media or given.get("ContentSid")):
            raise refused(400, 21619, "A text message body or media urls must be specified.")
        if len(media) > self.most_media or any(not url.startswith("https://") for url in media):
            raise refused(400, 21620, "Invalid media URL(s)")
        self.check_window(given)
        self.calls.append({name: values if name == "MediaUrl" else values[0] for name, values in given.items()})
        self.show(body, given)
        return Took({"sid": f"SM{len(self.calls):032d}", "status": "queued", "error_code": None}, 201)

    def check_window(self, given: dict[str, list[str]]) -> None:
        """Raises Refused when nothing may be sent now."""

    @abstractmethod
    def show(self, body: str, given: dict[str, list[str]]) -> None:
        """Note what the customer sees."""

    def signed(self, **told: str) -> httpx.Request:
        """A form with the account's signature over the address it was told."""
        self.sent += 1
        fields = {"AccountSid": ACCOUNT, "MessageSid": f"SM9{self.sent:031d}", "From": self.prefix + CUSTOMER, "To": self.prefix + NUMBER}
        pairs = sorted({**fields, **told}.items())
        over = self.hook + "".join(name + value for name, value in pairs)
        proof = base64.b64encode(hmac.digest(TOKEN.encode(), over.encode(), "sha1")).decode()
        headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": proof}
        return httpx.Request("POST", "http://hook/", content=urlencode(pairs), headers=headers)

    def writes(self, text: str) -> httpx.Request:
        """A text."""
        return self.signed(Body=text, NumMedia="0")

    def presses(self, label: str) -> httpx.Request:
        """There are no buttons: the customer writes the words."""
        return self.writes(label)

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """A file; Twilio does not tell its name."""
        url = f"{self.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/MM01/Media/ME01"
        return self.signed(Body="", NumMedia="1", MediaUrl0=url, MediaContentType0=media_type)

    def reports(self, sid: str, status: str, code: str = "") -> httpx.Request:
        """What became of a message of ours."""
        return self.signed(MessageSid=sid, MessageStatus=status, **({"ErrorCode": code} if code else {}))


def dict_of(form: str) -> dict[str, list[str]]:
    """The values of a form's fields."""
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return fields


def refused(status: int, code: int, message: str) -> Refused:
    """An error of the REST API."""
    return Refused(status, {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status})
