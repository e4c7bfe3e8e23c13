"""`.chat` scripts: a conversation as it should go, to be played at several depths.

    flow order_status.json        the flow, from the folder flows/ (with its intents, if it has any)
    template faq                  or the flow of this template of the gallery
    runs address.json             a flow that this one runs, published before it under the document's name
    contact {"name": "Ada"}       who the customer is
    opens                         the customer opens the chat; left out, the first words start the conversation
    user: where is my order       the customer writes
    picks: Track my order         the customer presses the button with this label
    sends: a.pdf application/pdf  the customer sends a file (through channels only)
    bot: Which number?            the bot's next message (\\n is a line break)
    choices: Red | Blue           the buttons of that message
    cards: Red shoe | Blue shoe   the titles of its cards; `picks` presses their buttons too
    call: integration.call {...}  the flow asks for outside work; the fields given are those of its payload
    gives: {...}                  the answer to that call
    fails: timeout No answer      or its failure: a kind and a sentence
    event: paid {"amount": 3}     another system announces something, with what it brings
    passes: 90                    this many seconds go by
    knows: order {"id": 7}        what a variable holds now
    end completed                 the flow has ended like this, and nothing more was said

A driver speaks to one depth: the pure runtime, the server, the browser. Below the runtime's depth the outside world is real: services are
called at https://shop.example, failures are `timeout` (nobody answers), `no_model` (none is connected) and `no_intents` (none were
learned), and what a message means is found out by a classifier that learned the flow's examples. `Script.answers` tells beforehand
what is needed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from server.flows.gallery import find_template

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.glob("*.chat"))
CHANNEL_SCRIPT = HERE / "on_channels" / "desk.chat"
"""What every channel plays, through its provider."""
WORDS_ONLY_SCRIPT = HERE / "on_channels" / "words_only.chat"
"""The same where nobody can send a file."""
TEMPLATE_SCRIPTS = sorted((HERE / "templates").glob("*.chat"))


@dataclass(frozen=True)
class Said:
    """One message of the bot, with the labels of its buttons and the titles of its cards."""

    text: str
    choices: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What the outside world says to a call."""

    ok: bool
    value: Any = None
    kind: str = ""
    message: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a script."""

    number: int
    verb: str
    rest: str


@dataclass(frozen=True)
class Script:
    """A whole script."""

    path: Path
    lines: tuple[Line, ...]
    document: dict[str, Any]
    intents: dict[str, Any] = field(default_factory=dict)
    contact: dict[str, Any] = field(default_factory=dict)
    runs: tuple[dict[str, Any], ...] = ()

    @property
    def answers(self) -> list[Answer]:
        """All answers of the outside world, in order."""
        return [_answer(line) for line in self.lines if line.verb in ("gives", "fails")]

    @property
    def kinds_answered(self) -> set[str]:
        """The kinds of call that are named and then answered well."""
        pairs = zip(self.lines, self.lines[1:], strict=False)
        return {line.rest.partition(" ")[0] for line, after in pairs if line.verb == "call" and after.verb == "gives"}


class ChatDriver(Protocol):
    """Plays the customer and the outside world at one depth."""

    async def open(self, script: Script) -> None:
        """Get the flow and the contact ready; nothing is said yet."""

    async def opens(self) -> None:
        """The customer opens the chat."""

    async def user(self, text: str) -> None:
        """The customer writes."""

    async def picks(self, label: str) -> None:
        """The customer presses a button."""

    async def sends(self, name: str, media_type: str) -> None:
        """The customer sends a file."""
        raise NotImplementedError("only channels play files")

    async def next_message(self) -> Said | None:
        """The bot's next message that has not been looked at, or None."""

    async def call(self, kind: str, payload: dict[str, Any]) -> None:
        """The flow asks for this work now."""

    async def answer(self, answer: Answer) -> None:
        """The work is done."""

    async def event(self, name: str, payload: dict[str, Any]) -> None:
        """Another system announces something."""

    async def passes(self, seconds: float) -> None:
        """Time goes by."""

    async def knows(self, name: str, value: Any) -> None:
        """The variable holds this value."""

    async def ended(self, reason: str) -> None:
        """The flow has ended like this."""


def read_script(path: Path) -> Script:
    """The script in the file."""
    lines = tuple(line for number, text in enumerate(path.read_text().splitlines(), start=1) if (line := _line(number, text)) is not None)
    source = next(line for line in lines if line.verb in ("flow", "template"))
    document, intents = _flow(source.rest) if source.verb == "flow" else _template(source.rest)
    contact = next((json.loads(line.rest) for line in lines if line.verb == "contact"), {})
    runs = tuple(_flow(line.rest)[0] for line in lines if line.verb == "runs")
    played = tuple(line for line in lines if line.verb not in ("flow", "template", "runs", "contact"))
    return Script(path, played, document, intents, contact, runs)


def _flow(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    document = json.loads((HERE / "flows" / name).read_text())
    return document, document.pop("intents", {})


def _template(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    template = find_template(name)
    return dict(template.document), dict(template.intents)


def _line(number: int, text: str) -> Line | None:
    verb, _, rest = text.strip().partition(" ")
    return None if not verb or verb.startswith("#") else Line(number, verb.rstrip(":"), rest.strip())


def _answer(line: Line) -> Answer:
    if line.verb == "gives":
        return Answer(True, json.loads(line.rest))
    kind, _, message = line.rest.partition(" ")
    return Answer(False, kind=kind, message=message)


async def play(script: Script, driver: ChatDriver) -> None:
    """Play the script; an AssertionError names the line that went another way."""
    await driver.open(script)
    said: Said | None = None
    for line in script.lines:
        try:
            said = await _play(line, driver, said)
        except AssertionError as error:
            raise AssertionError(f"{script.path.name}:{line.number}: {line.verb}: {line.rest}\n{error}") from error
    left = await driver.next_message()
    assert left is None, f"{script.path.name}: the bot also said {left}"


async def _play(line: Line, driver: ChatDriver, said: Said | None) -> Said | None:
    match line.verb:
        case "opens":
            await driver.opens()
        case "user":
            await _nothing_unseen(driver)
            await driver.user(line.rest)
        case "picks":
            await _nothing_unseen(driver)
            await driver.picks(line.rest)
        case "sends":
            await _nothing_unseen(driver)
            name, _, media_type = line.rest.partition(" ")
            await driver.sends(name, media_type)
        case "bot":
            said = await driver.next_message()
            assert said is not None, "the bot said nothing"
            assert said.text == line.rest.replace("\\n", "\n"), f"the bot said: {said.text}"
        case "choices":
            labels = tuple(label.strip() for label in line.rest.split("|"))
            assert said is not None, "no message before the choices"
            assert said.choices == labels, f"the choices are {said.choices}"
        case "cards":
            titles = tuple(title.strip() for title in line.rest.split("|"))
            assert said is not None, "no message before the cards"
            assert said.cards == titles, f"the cards are {said.cards}"
        case "call":
            kind, _, payload = line.rest.partition(" ")
            await driver.call(kind, json.loads(payload or "{}"))
        case "gives" | "fails":
            await driver.answer(_answer(line))
        case "event":
            await _nothing_unseen(driver)
            name, _, payload = line.rest.partition(" ")
            await driver.event(name, json.loads(payload or "{}"))
        case "passes":
            await driver.passes(float(line.rest))
        case "knows":
            name, _, value = line.rest.partition(" ")
            await driver.knows(name, json.loads(value))
        case "end":
            await _nothing_unseen(driver)
            await driver.ended(line.rest or "completed")
        case other:
            raise ValueError(f"line {line.number}: there is no verb {other}")
    return said


async def _nothing_unseen(driver: ChatDriver) -> None:
    left = await driver.next_message()
    assert left is None, f"before that the bot said: {left}"


def names(scripts: Sequence[Path]) -> list[str]:
    """The names of the scripts, for test ids."""
    return [path.stem for path in scripts]
