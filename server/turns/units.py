"""The units of work: a message on its way in, a conversation whose inbox has something for it, and what a batch of them came to."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from flow_runtime import Input
from server.conversations.inbox import Contact
from server.turns.fast_lane import Rule
from server.turns.rows import Saved
from server.turns.take_turn import Conversation, Taken, take_turn
from server.turns.under_way import mark_of
from server.turns.versions import Version


@dataclass(frozen=True, slots=True)
class Incoming:
    """One customer's message (or the opening of the widget) before it is stored.

    `key` is the sender's own id of it: the same key in the same channel is the same message. Without `conversation_id` a new conversation
    starts with `contact` on the live version of `flow_id`, or on `flow_version`. `channel` is the
    kind of channel; `pushes`: it must be sent its messages; `lane` says which of its contacts go first;
    `resumes`: a closed conversation goes on.
    """

    tenant_id: UUID
    channel_id: UUID
    flow_id: UUID | None
    key: str
    input: Input
    conversation_id: UUID | None = None
    contact: Contact | None = None
    client_message_id: str | None = None
    flow_version: int | None = None
    is_test: bool = False
    pushes: bool = False
    channel: str = "web"
    resumes: bool = True
    lane: Rule | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The message was here before."""

    conversation_id: UUID
    inbox_id: UUID


@dataclass(frozen=True, slots=True)
class Later:
    """The message has to be put into the inbox and wait there for its turn; `elsewhere`: a runner takes it, not this process."""

    reason: str
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do, as for a chat that is opened a second time."""

    conversation: Conversation


Result = Saved | Known | Later | Nothing


@dataclass(eq=False, slots=True)
class Fresh:
    """A message on its way through the fast path; `suspected` of having killed a process, it may not be taken on it."""

    incoming: Incoming
    future: asyncio.Future[Result]
    conflicts: int = 0
    alone: bool = False
    fast: bool = False
    suspected: bool = False

    @property
    def place(self) -> object:
        """Two units of one place never run at the same time."""
        return self.incoming.conversation_id or (self.incoming.channel_id, self.incoming.key)

    @property
    def mark(self) -> bytes:
        """The same in 16 bytes, as it is written down while the turn is taken."""
        return mark_of(self.incoming.conversation_id, self.incoming.channel_id, self.incoming.key)


@dataclass(eq=False, slots=True)
class Pending:
    """A conversation whose inbox has something for it. The future tells when there is nothing left to do.

    `unhurried` says that no person waits for it.
    """

    conversation_id: UUID
    future: asyncio.Future[None]
    conflicts: int = 0
    alone: bool = False
    fast: bool = False
    unhurried: bool = False

    @property
    def place(self) -> object:
        """Two units of one place never run at the same time."""
        return self.conversation_id


Unit = Fresh | Pending


@dataclass(frozen=True, slots=True)
class Claimed:
    """An input whose turn can be taken: everything has been read. `turn` may be called in any thread."""

    conversation: Conversation
    given: Input
    version: int
    ready: Version

    def turn(self) -> Taken:
        """Take it; raises what goes wrong in it."""
        return take_turn(self.ready.flow, self.version, self.conversation, self.given, self.ready.answer)


@dataclass(frozen=True, slots=True)
class Apart:
    """A claimed input whose turn runs a plugin's code: it may take seconds, so no other turn waits for it."""

    unit: Pending
    row: asyncpg.Record
    claimed: Claimed


@dataclass(slots=True)
class Batch:
    """What a batch came to: turns that are committed now, units that go round again, and turns that are taken apart from the others."""

    saved: list[Saved] = field(default_factory=list)
    again: list[Unit] = field(default_factory=list)
    pause: list[tuple[UUID, float]] = field(default_factory=list)
    apart: list["Apart"] = field(default_factory=list)
