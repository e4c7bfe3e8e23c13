"""Text messages by Twilio: one number and one phone."""

from tests.conversations.chat_script import Said
from tests.fakes.channels.twilio import FakeTwilio, seen


class FakeSms(FakeTwilio):
    """A phone that shows texts."""

    kind = "sms"

    def show(self, body: str, given: dict[str, list[str]]) -> None:
        """Everything stands in the text."""
        self.said.append(Said(*seen(body)))
