"""Text messages by Twilio: one number and one phone."""

from tests.fakes.channels.plain_words import said_in
from tests.fakes.channels.twilio import FakeTwilio


class FakeSms(FakeTwilio):
    """A phone that shows texts."""

    kind = "sms"

    def show(self, body: str, given: dict[str, list[str]]) -> None:
        """Everything stands in the text."""
        self.said.append(said_in(body))
