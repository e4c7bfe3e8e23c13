"""What the sample's customers say: each script is a row of lines, drawn with a seed so that every installation has the same two weeks."""

from collections.abc import Callable, Sequence
from random import Random

Script = list[str]

NAMES = (
    "Mia",
    "Noah",
    "Lea",
    "Ben",
    "Emma",
    "Paul",
    "Zoe",
    "Finn",
    "Ida",
    "Luis",
    "Nora",
    "Omar",
    "Ana",
    "Jon",
    "Eva",
    "Tim",
    "Sara",
    "Max",
)
FAMILIES = ("Weber", "Costa", "Novak", "Silva", "Meyer", "Khan", "Rossi", "Dubois", "Jansen", "Berg", "Okafor", "Tanaka")

_TRACK = ("where is my order", "has my parcel been shipped?", "when does my package arrive", "my delivery is late", "track my order please")
_RETURN = ("I want to return the beans", "the bag arrived damaged", "I got the wrong coffee, what now?", "I need a return label")
_REASONS = ("It is damaged", "I got the wrong item", "I changed my mind")
_QUESTIONS = (
    "how much is shipping?",
    "is delivery free?",
    "how many days does delivery take",
    "can I pay by credit card?",
    "which payment methods do you take",
    "what water temperature should I use for a filter?",
    "how fine do I grind for espresso",
    "are you open on saturday?",
    "when does the shop close",
)
_PERSON = ("can I talk to a real person?", "I want to speak to someone", "human please")
_UNKNOWN = ("do you sell bicycles", "qwertz", "tell me a joke about penguins", "my neighbour plays the trumpet at night")
_BYE = ("no thanks", "that is all, bye", "thank you, that was it", "bye")


def _number(random: Random) -> str:
    return f"BB-{random.randint(1000, 9150)}"


def _email(random: Random) -> str:
    return f"{random.choice(NAMES).lower()}.{random.choice(FAMILIES).lower()}@example.com"


def _track(random: Random) -> Script:
    first_try = [random.choice(("I do not have it here", "12"))] if random.random() < 0.15 else []
    return [random.choice(_TRACK), *first_try, _number(random), random.choice(_BYE)]


def _return(random: Random) -> Script:
    return [random.choice(_RETURN), _number(random), random.choice(_REASONS), _email(random), random.choice(_BYE)]


def _ask(random: Random) -> Script:
    return [*random.sample(_QUESTIONS, random.choice((1, 1, 2, 3))), random.choice(_BYE)]


def _want_person(random: Random) -> Script:
    before = [random.choice(_UNKNOWN)] if random.random() < 0.5 else []
    return [*before, random.choice(_PERSON), _email(random)]


def _give_up(random: Random) -> Script:
    return random.choice(([random.choice(_UNKNOWN)], [random.choice(_TRACK)], [random.choice(_RETURN), _number(random)]))


_KINDS: Sequence[tuple[Callable[[Random], Script], int]] = ((_track, 38), (_ask, 30), (_return, 14), (_want_person, 10), (_give_up, 8))


def draw_script(random: Random) -> Script:
    """What one customer says, line by line."""
    kinds, weights = zip(*_KINDS, strict=True)
    (kind,) = random.choices(kinds, weights)
    script: Script = kind(random)
    return script


def draw_name(random: Random) -> str:
    """A customer's name."""
    return f"{random.choice(NAMES)} {random.choice(FAMILIES)}"
