"""What each kind of channel says of itself in its channel.json."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from flow_runtime import ChannelLimits
from server.channels.likeness import button_room

HERE = Path(__file__).parent


class Field(Struct, forbid_unknown_fields=True, frozen=True):
    """A setting or a secret.

    `makes` is of how many random bytes we make it when nobody gives one, after `prefix`. One that the other side must be `told` is shown
    again. `advanced` ones are folded away.
    """

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,40}$")]
    title: str
    help: str = ""
    required: bool = False
    pattern: str | None = None
    default: str = ""
    makes: int = 0
    prefix: str = ""
    told: bool = False
    advanced: bool = False


class Rate(Struct, forbid_unknown_fields=True, frozen=True):
    """How fast the provider takes messages: steadily `per_second`, `burst` at once, counted for each channel or each conversation."""

    per_second: Annotated[float, Meta(gt=0)]
    burst: Annotated[int, Meta(ge=1)] = 1
    per: Literal["channel", "conversation"] = "channel"


class About(Struct, forbid_unknown_fields=True, frozen=True):
    """A kind of channel. `window_s` is how long after a customer's last message it may be answered freely, in seconds; None is for ever.

    `templates`: what is said after that may be a template that the provider approved. `people`: its customers are people, so that whoever
    writes faster than people do is somebody's bot. `pictures` are the media types of pictures that it shows, the first that others are
    converted to; empty is any.
    """

    kind: str
    title: str
    summary: str = ""
    limits: dict[str, Any] = {}
    settings: tuple[Field, ...] = ()
    secrets: tuple[Field, ...] = ()
    rate: Rate | tuple[Rate, ...] | None = None
    window_s: int | None = None
    templates: bool = True
    people: bool = True
    pictures: tuple[str, ...] = ()

    @property
    def channel_limits(self) -> ChannelLimits:
        """The limits as the checks of flows know them; how many buttons there is room for is found by what the adapter renders."""
        media = self.limits.get("media")
        return ChannelLimits(
            self.kind,
            self.title,
            **{name: most for name, most in self.limits.items() if name != "media"},
            media=None if media is None else frozenset(media),
            buttons=button_room(self.kind),
        )


SESSION = (
    Field(
        "session_minutes",
        "Minutes until a silent conversation ends",
        "It waits so long for the customer's answer. Without it: a day.",
        pattern="[1-9][0-9]{0,5}",
        advanced=True,
    ),
    Field(
        "session_then",
        "When the customer comes back",
        "resume: the conversation goes on where it stopped. restart: a new one begins. Without it only the web chat resumes.",
        pattern="resume|restart",
        advanced=True,
    ),
)
"""The settings that every kind of channel has."""


@cache
def about_of(kind: str) -> About | None:
    """A kind of channel; None when there is no such folder."""
    path = HERE / kind / "channel.json"
    if not kind.isidentifier() or not path.is_file():
        return None
    about = msgspec.json.decode(path.read_bytes(), type=About)
    return msgspec.structs.replace(about, settings=(*about.settings, *SESSION))


def resumes(kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether a customer who comes back after the end of a conversation goes on in it."""
    return bool(settings.get("session_then", "resume" if kind == "web" else "restart") == "resume")


@cache
def kinds() -> tuple[About, ...]:
    """Every kind of channel there is a folder of, by title."""
    found = [about_of(path.parent.name) for path in HERE.glob("*/channel.json")]
    return tuple(sorted((about for about in found if about is not None), key=lambda about: about.title))


def help_of(kind: str) -> str:
    """How to set up a channel of this kind, in Markdown; empty when it says nothing."""
    path = HERE / kind / "help.md"
    return path.read_text(encoding="utf-8") if kind.isidentifier() and path.is_file() else ""
