"""Slack's own slack_sdk: proves requests as Slack's apps do, signs one as Slack does, posts to a Web API."""

import json
import sys

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import Clock, SignatureVerifier


class At(Clock):
    """A clock that stands still."""

    def __init__(self, at):
        self.at = at

    def now(self):
        return self.at


given = json.load(sys.stdin)
verifier = SignatureVerifier(given["secret"], At(given["at"]))
client = WebClient(given["token"], base_url=f"{given['api_url']}/")
posted = [client.chat_postMessage(channel=given["channel"], **part).data for part in given["parts"]]
try:
    client.chat_postMessage(channel=given["channel"], text="too many", blocks=given["too_many"])
    refused = None
except SlackApiError as error:
    refused = [error.response.status_code, error.response["error"]]
found = {
    "takes": [verifier.is_valid(one["body"], one["timestamp"], one["signature"]) for one in given["signed"]],
    "signature": verifier.generate_signature(timestamp=str(given["at"]), body=given["body"]),
    "who": client.auth_test().data,
    "posted": posted,
    "refused": refused,
}
json.dump(found, sys.stdout)
