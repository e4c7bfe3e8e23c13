"""What this plugin does outside of a turn: a worker runs it, and its requests reach the hosts of plugin.json only."""

from typing import Any
from urllib.parse import quote

from flow_runtime.errors import NodeFailure

SERVICE = "https://openiban.com"


def bank(payload: dict[str, Any], http: Any) -> dict[str, str]:
    """{name, bic} of the bank of `payload["iban"]`; the service is described at openiban.com."""
    answer = http.get(f"{SERVICE}/validate/{quote(payload['iban'], safe='')}?getBIC=true")
    if answer["status"] != 200 or not isinstance(answer["body"], dict):
        raise NodeFailure("http_status", f"openiban.com answered {answer['status']}.")
    found = answer["body"].get("bankData") or {}
    if not found.get("name"):
        raise NodeFailure("unknown_bank", "Nobody knows this bank.")
    return {"name": str(found["name"]), "bic": str(found.get("bic", ""))}
