"""What the fakes of Meta's products share: their app, and how the Graph API says things."""

from typing import Any

from tests.fakes.channels.provider import Refused

APP_ID, APP_SECRET = "670843887433847", "test_app_secret_0123456789abcdef"


def error(status: int, code: int, message: str, subcode: int | None = None) -> Refused:
    """An error of the Graph API."""
    more = {} if subcode is None else {"error_subcode": subcode}
    return Refused(status, {"error": {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, **more}})


def subscriptions(topic: str, hook_url: str, *fields: str) -> list[dict[str, Any]]:
    """What an app is told of, and where."""
    named = [{"name": name, "version": "v26.0"} for name in fields]
    return [{"object": topic, "callback_url": hook_url, "active": True, "fields": named}] if hook_url else []


def about_token(scopes: tuple[str, ...], target: str, ends: int) -> dict[str, Any]:
    """What a token may do and until when; 0 is for ever."""
    granted = [{"scope": scope, "target_ids": [target]} for scope in scopes]
    return {"app_id": APP_ID, "is_valid": True, "expires_at": ends, "scopes": list(scopes), "granular_scopes": granted}
