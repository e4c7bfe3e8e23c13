"""Where a bot's answers go: the connector's services, one for each region and cloud. Our token goes nowhere else."""

from urllib.parse import quote, urlsplit

from server.channels.contract import Settings

SERVICE_URL = "https://smba.trafficmanager.net/teams/"

_HOSTS = frozenset(("smba.trafficmanager.net", "smba.infra.gov.teams.microsoft.us", "smba.infra.dod.teams.microsoft.us"))
_DOMAINS = (".botframework.com", ".teams.microsoft.com")


def is_service(url: str, settings: Settings) -> bool:
    """Whether an address belongs to Microsoft's connector, or to the one that the channel names."""
    try:
        parts, own = urlsplit(url), urlsplit(str(settings.get("service_url") or SERVICE_URL))
        port = parts.port
    except ValueError:
        return False
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return True
    host = parts.hostname or ""
    plain = parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc
    return plain and (host in _HOSTS or host.endswith(_DOMAINS))


def activities_url(service_url: str, conversation: str) -> str:
    """Where activities of a conversation are posted. Ids of conversations hold `:` and `;`."""
    return f"{service_url.rstrip('/')}/v3/conversations/{quote(conversation, safe='')}/activities"


def sent_id(conversation: str, message_id: str) -> str:
    """What a message of ours is known by: ids of messages are unique in their conversation only."""
    return f"{conversation}:{message_id}"
