"""LinkedIn: the versioned REST API as learn.microsoft.com/linkedin describes it, and the notifications that it signs."""

import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx

from tests.fakes.channels.plain_words import said_in
from tests.fakes.channels.provider import FakeProvider, Refused, Took
from tests.fakes.http import Request

PAGE, ADMIN, MEMBER = "urn:li:organization:1000", "urn:li:person:admin", "urn:li:person:zLqT"
POST = "urn:li:activity:7094637247890620418"
CLIENT, SECRET, TOKEN, VERSION = "86client", "li_client_secret_test", "AQX-member-token", "202609"
REFRESH = "AQX-refresh-token"
SCOPES = "r_organization_social,w_organization_social,rw_organization_admin,r_marketing_leadgen_automation"
MOST_CHARACTERS = 1_250
FORM = {
    "name": "A demo",
    "content": {
        "questions": [
            {"questionId": 1, "name": "firstName", "predefinedField": "FIRST_NAME"},
            {"questionId": 2, "name": "lastName", "predefinedField": "LAST_NAME"},
            {"questionId": 3, "name": "email", "predefinedField": "EMAIL"},
            {
                "questionId": 4,
                "name": "size",
                "questionDetails": {
                    "multipleChoiceQuestionDetails": {"options": [{"id": 1, "text": {"localized": {"en_US": "1 to 10"}}}, {"id": 2}]}
                },
            },
        ]
    },
}
ANSWERS = [
    {"questionId": number, "answerDetails": {"textQuestionAnswer": {"answer": answer}}}
    for number, answer in ((1, "Ada"), (2, "Lovelace"), (3, "ada@example.com"))
] + [{"questionId": 4, "answerDetails": {"multipleChoiceAnswer": {"options": [1, 2]}}}]


class FakeLinkedIn(FakeProvider):
    """One page, the token of its administrator, and a member who comments on a post. `comments` are those that exist, by name."""

    kind = "linkedin"
    gives_files = False

    def __init__(self) -> None:
        super().__init__()
        self.comments: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, str] = {}
        self.leads: list[dict[str, Any]] = []
        self.scopes = SCOPES
        self.ends_at = int(time.time()) + 60 * 86_400
        self.away = False
        self.made = 0

    @property
    def settings(self) -> dict[str, str]:
        """The page and the app."""
        return {
            "organization_id": "1000",
            "client_id": CLIENT,
            "application_id": "77",
            "api_url": self.url,
            "sign_in_url": self.url,
        }

    @property
    def secrets(self) -> dict[str, str]:
        """The app's secret and the administrator's token."""
        return {"client_secret": SECRET, "access_token": TOKEN}

    def sends(self, request: Request) -> bool:
        """Whether the page comments."""
        return request.method == "POST" and request.path.endswith("/comments")

    def take(self, request: Request) -> Any:
        """Answer as LinkedIn does."""
        path, _, query = request.path.partition("?")
        if path.startswith("/oauth/v2/"):
            return self._sign_in(path, parse_qs(request.body.decode()))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise _refused(401, "Invalid access token")
        if request.headers.get("linkedin-version") != VERSION:
            raise _refused(426, "Requested version is not active")
        if self.away:
            raise _refused(503, "Service Unavailable")
        match request.method, path.removeprefix("/rest/").split("/"):
            case "POST", ["socialActions", target, "comments"]:
                return self._comment(unquote(target), request.json)
            case "GET", ["socialActions", target, "comments", number]:
                return self._found(f"urn:li:comment:({unquote(target)},{number})")
            case "GET", ["organizationAcls"]:
                return {"elements": [{"roleAssignee": ADMIN, "role": "ADMINISTRATOR", "organization": PAGE, "state": "APPROVED"}]}
            case "PUT", ["eventSubscriptions", key]:
                self.subscriptions[unquote(key)] = request.json["webhook"]
                return Took(b"", 204)
            case "GET", ["leadNotifications"]:
                return {"elements": [one for one in self.leads if _asks_for(query, one)]}
            case "POST", ["leadNotifications"]:
                self.leads.append(request.json)
                return Took({}, 201, {"x-restli-id": str(len(self.leads))})
            case "GET", ["leadFormResponses", "aaaa-bbbb-5"]:
                return {"id": "aaaa-bbbb-5", "submitter": MEMBER, "testLead": False, "form": FORM, "formResponse": {"answers": ANSWERS}}
        raise _refused(404, "Not Found")

    def _sign_in(self, path: str, form: dict[str, list[str]]) -> Any:
        if form["client_secret"] != [SECRET]:
            raise _refused(401, "Client authentication failed")
        if path == "/oauth/v2/accessToken":
            if (form["grant_type"], form["refresh_token"]) != (["refresh_token"], [REFRESH]):
                raise Refused(400, {"error": "invalid_request", "error_description": "The provided token is invalid"})
            self.made += 1
            return {"access_token": TOKEN, "expires_in": 5_184_000, "refresh_token": REFRESH, "refresh_token_expires_in": 439_200}
        if (form["client_id"], form["token"]) != ([CLIENT], [TOKEN]):
            raise _refused(400, "Invalid client id or token")
        active = self.ends_at > time.time()
        return {"active": active, "status": "active" if active else "expired", "scope": self.scopes, "expires_at": self.ends_at}

    def _comment(self, target: str, given: dict[str, Any]) -> Took:
        text, parent = given["message"]["text"], given.get("parentComment")
        if given["actor"] != PAGE or not 1 <= len(text) <= MOST_CHARACTERS or target != (parent or given["object"]):
            raise _refused(400, "Invalid parameters")
        if parent and "parentComment" in self.comments.get(parent, {}):
            raise _refused(400, "The parent comment is itself an answer")
        self.calls.append(given)
        self.said.append(said_in(text))
        name = f"urn:li:comment:({given['object']},9{len(self.calls)})"
        return Took({"commentUrn": name, "actor": PAGE, "message": {"text": text}}, 201, {"x-restli-id": f"9{len(self.calls)}"})

    def _found(self, name: str) -> dict[str, Any]:
        if name not in self.comments:
            raise _refused(404, "Comment not found")
        return self.comments[name]

    def signed(self, told: dict[str, Any]) -> httpx.Request:
        """A notification as it is posted."""
        body = json.dumps(told)
        proof = hmac.digest(SECRET.encode(), b"hmacsha256=" + body.encode(), "sha256").hex()
        headers = {"content-type": "application/json", "x-li-signature": proof}
        return httpx.Request("POST", "http://hook/", content=body, headers=headers)

    def comment(self, text: str, *, told: bool = True, parent: str = "") -> httpx.Request:
        """The member comments. The notification tells the words, or only names the comment, which can be asked for."""
        self.sent += 1
        name = f"urn:li:comment:({POST},{self.sent})"
        answers = {"parentComment": parent} if parent else {}
        at = int(time.time() * 1000)
        self.comments[name] = {"actor": MEMBER, "object": POST, "message": {"text": text}, "created": {"time": at}, **answers}
        said = {"decoratedGeneratedActivity": {"comment": {"owner": MEMBER, "text": text, "entity": name, "object": POST}}} if told else {}
        notification = {
            "notificationId": 5_000 + self.sent,
            "organizationalEntity": PAGE,
            "action": "COMMENT",
            "sourcePost": POST,
            "generatedActivity": name,
            "lastModifiedAt": at,
            "subscriber": ADMIN,
            **said,
        }
        return self.signed({"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": [notification]})

    def lead(self, action: str = "CREATED") -> httpx.Request:
        """A member filled in the form, or withdrew it."""
        told = {"type": "LEAD_ACTION", "leadGenFormResponse": "urn:li:leadGenFormResponse:aaaa-bbbb-5", "leadAction": action}
        return self.signed({**told, "owner": {"organization": PAGE}, "leadType": "COMPANY", "occurredAt": int(time.time() * 1000)})

    def writes(self, text: str) -> httpx.Request:
        """Every other comment comes without its words."""
        return self.comment(text, told=self.sent % 2 == 0)

    def presses(self, label: str) -> httpx.Request:
        """There are no buttons: members write what they choose."""
        return self.writes(label)

    def gives(self, name: str, media_type: str) -> httpx.Request:
        """Comments have no files."""
        return self.writes(f"{name} ({media_type})")


def _asks_for(query: str, lead: dict[str, Any]) -> bool:
    asked = unquote(query)
    return f"leadType:{lead['leadType']}" in asked and all(f"{kind}:{name}" in asked for kind, name in lead["owner"].items())


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"status": status, "message": message, "serviceErrorCode": 100})
