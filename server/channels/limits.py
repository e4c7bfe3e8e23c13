"""What each kind of channel can show: the limits in its channel.json."""

import json
from functools import cache
from pathlib import Path

from flow_runtime import ChannelLimits

HERE = Path(__file__).parent


@cache
def limits_of(kind: str) -> ChannelLimits | None:
    """The limits of a kind of channel; None when its folder does not say."""
    path = HERE / kind / "channel.json"
    if not kind.isidentifier() or not path.is_file():
        return None
    about = json.loads(path.read_text(encoding="utf-8"))
    limits = dict(about["limits"])
    media = limits.pop("media", None)
    return ChannelLimits(about["kind"], about["title"], **limits, media=None if media is None else frozenset(media))
