"""Microsoft's own botframework-connector: proves tokens as bots do, signs in and posts as bots do, and reads and writes activities."""

import asyncio
import json
import sys
from types import SimpleNamespace

import requests
from botbuilder.schema import Activity, ErrorResponseException
from botframework.connector import ConnectorClient
from botframework.connector.auth import ChannelValidation, MicrosoftAppCredentials, SimpleCredentialProvider
from msal import ConfidentialClientApplication

LOGIN = "https://login.microsoftonline.com"
given = json.load(sys.stdin)


class Login:
    """Microsoft's login, at another address: the client insists on https."""

    def get(self, url, params=None, headers=None, **others):
        return self._read(requests.get(url.replace(LOGIN, given["login_url"]), params=params, headers=headers, timeout=10))

    def post(self, url, params=None, data=None, headers=None, **others):
        return self._read(requests.post(url.replace(LOGIN, given["login_url"]), params=params, data=data, headers=headers, timeout=10))

    def close(self):
        """Nothing is kept open."""

    @staticmethod
    def _read(answer):
        return SimpleNamespace(
            status_code=answer.status_code, text=answer.text, headers=answer.headers, raise_for_status=answer.raise_for_status
        )


def credentials(password):
    """The bot's, with the client that the library would make."""
    known = MicrosoftAppCredentials(given["app_id"], password, given["tenant_id"])
    known.app = ConfidentialClientApplication(
        given["app_id"], client_credential=password, authority=known.oauth_endpoint, http_client=Login(), instance_discovery=False
    )
    return known


async def taken(token):
    """Whether the library takes a token for the service that the activity names."""
    ChannelValidation.open_id_metadata_endpoint = given["openid_url"]
    provider = SimpleCredentialProvider(given["app_id"], "")
    try:
        await ChannelValidation.authenticate_channel_token_with_service_url(token, provider, given["service_url"], "msteams")
    except Exception:
        return False
    return True


def refused(call):
    """Why a call was refused."""
    try:
        call()
    except ErrorResponseException as error:
        return [error.response.status_code, error.error.error.code]
    except PermissionError as error:
        return str(error)
    return "taken"


mine = credentials(given["password"])
client = ConnectorClient(mine, base_url=given["service_url"])
read = [Activity.deserialize(one) for one in given["sent"]]
posted = [client.conversations.send_to_conversation(given["conversation"], one).id for one in read]
answered = client.conversations.reply_to_activity(given["conversation"], "1690000000001", read[0]).id
found = {
    "endpoint": mine.oauth_endpoint,
    "scope": mine.oauth_scope,
    "takes": [asyncio.run(taken(one)) for one in given["tokens"]],
    "posted": [*posted, answered],
    "kept": [one.serialize() for one in read],
    "gone": refused(lambda: client.conversations.send_to_conversation("gone", read[0])),
    "wrong_password": refused(lambda: credentials("wrong").get_access_token()),
    "written": [Activity.deserialize(one).serialize() for one in given["received"]],
}
json.dump(found, sys.stdout)
