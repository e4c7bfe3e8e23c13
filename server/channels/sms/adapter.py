"""SMS and MMS by Twilio's Messages API."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.channels.contract import Settings
from server.channels.sms.messages import parts_of
from server.channels.twilio.base import TwilioAdapter


class SmsAdapter(TwilioAdapter):
    """Text messages."""

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Texts in as few segments as can be, and pictures where the sender may."""
        return parts_of(body, settings)


adapter = SmsAdapter()
