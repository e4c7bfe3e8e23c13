"""Which kinds of call this server can do, and what is missing for the others."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from functools import cache

import server
from server.kit.calls import Answerer, Performing, answerers, performers

_MISSING: Mapping[str, str] = {
    "agent": "Agents are not part of this server. Install a version with agents, or let the flow answer by itself here.",
    "knowledge": "Knowledge bases are not part of this server. Install a version with them, or answer with a model's reply here.",
    "code": "Running code is not part of this server. Use a formula in a Set variables step, or call a service of your own.",
    "nlu": "This server does not understand language by itself. Install the packages for it, or use intents and a model's reply here.",
    "integration": "This server has no catalogue of services. Use a Call an API step with the service's address.",
    "database": "This server has no database connections. Use a Call an API step to a service that reads the database.",
    "queue": "This server has no connections to message queues. Use a Call an API step to a service that publishes the message.",
    "file": "This server has no file connections. Use a Call an API step to a service that keeps the files.",
    "email": "This server cannot send e-mail. Use a Call an API step to your mail service.",
    "ticket": "This server has no tickets. Use a Call an API step to your help desk.",
    "approval": "This server has no approvals. Hand the conversation to a person instead.",
    "team": "This server cannot notify the team. Use a Call an API step to your chat tool's webhook.",
    "lead": "This server keeps no leads. Save the answers in variables of the contact, or use a Call an API step to your CRM.",
    "llm": "This server cannot ask a model that. Use a model's reply here.",
}


@cache
def find_performers() -> None:
    """Import the module `perform` of every room that has one."""
    for room in pkgutil.iter_modules(server.__path__):
        path = f"server.{room.name}.perform"
        if room.ispkg and importlib.util.find_spec(path):
            importlib.import_module(path)


def performer_of(kind: str) -> Performing | None:
    """Who performs the kind outside of the turn, or every kind of its family (`plugin.*`); None when nobody does."""
    find_performers()
    return performers.get(kind) or performers.get(f"{kind.partition('.')[0]}.*")


def kinds_in_process() -> tuple[str, ...]:
    """The kinds that the process does which took the turn."""
    find_performers()
    return tuple(kind for kind, performing in performers.items() if performing.in_process)


def answerer_of(kind: str) -> Answerer | None:
    """Who answers the kind within the turn; None when nobody does."""
    find_performers()
    return answerers.get(kind)


def is_quick(kind: str) -> bool:
    """Whether the answer is known within the turn: a quick kind, or one that nobody performs."""
    return performer_of(kind) is None


def what_is_missing(kind: str) -> str:
    """A sentence for a kind that nobody performs: what the server lacks, and what to do."""
    room = kind.partition(".")[0]
    return _MISSING.get(room, f'This server cannot do "{kind}". Install the plugin that performs it, or take the step out of the flow.')
