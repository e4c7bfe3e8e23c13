"""Can the channels that the flow answers on show what its nodes say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.expressions import is_template
from flow_runtime.problems import ChannelLimits, Problem, Surroundings


def check_channels(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """What is too long or too much for a channel, or is of a kind that it does not have."""
    for channel in surroundings.channels:
        for node_id in drawing.order:
            node = drawing.nodes[node_id]
            for path, part, value in node.places:
                widget = part.get("x-widget")
                if (widget == "choices" or (widget == "buttons" and "." not in path)) and isinstance(value, list):
                    yield from _choices(node, path, value, channel)
                elif widget == "cards" and isinstance(value, list):
                    yield from _cards(node, path, value, channel)
                elif path == "media" and isinstance(value, list):
                    yield from _media(node, path, value, channel)
            yield from _texts(node, channel)


def _problem(code: str, node: DrawnNode, field: str, message: str, fix: str) -> Problem:
    return Problem(code, "warning", node.id, field, message, fix)


def _choices(node: DrawnNode, path: str, entries: Sequence[Any], channel: ChannelLimits) -> Iterator[Problem]:
    choices = [(index, entry) for index, entry in enumerate(entries) if not (isinstance(entry, Mapping) and "url" in entry)]
    if channel.choices is not None and len(choices) > channel.choices:
        message = f'{channel.title} shows at most {channel.choices} choices; "{node.title}" has {len(choices)}.'
        yield _problem("too_many_choices", node, path, message, "Offer fewer, or ask in two steps.")
    elif channel.buttons is not None and len(choices) > channel.buttons:
        next_one = _label(choices[channel.buttons][1])
        message = f'{channel.title} has room for {channel.buttons} buttons: "{next_one}" does not fit, so all become a list to be opened.'
        yield _problem("buttons_become_list", node, path, message, f"Offer at most {channel.buttons}, or leave it when a list will do.")
    most = channel.choice_characters
    for index, choice in choices:
        label = _label(choice)
        if most is not None and isinstance(label, str) and len(label) > most and not is_template(label):
            message = f'{channel.title} cuts labels after {most} characters; "{label}" has {len(label)}.'
            yield _problem("label_too_long", node, f"{path}.{index}.label", message, "Say it in fewer words.")


def _label(choice: Any) -> Any:
    return choice.get("label") if isinstance(choice, Mapping) else choice


def _cards(node: DrawnNode, path: str, cards: Sequence[Any], channel: ChannelLimits) -> Iterator[Problem]:
    if channel.cards is not None and len(cards) > channel.cards:
        what = "no cards" if channel.cards == 0 else f"at most {channel.cards} cards"
        message = f'{channel.title} shows {what}; "{node.title}" has {len(cards)}.'
        yield _problem("card_not_shown", node, path, message, "Say it in a message, or keep this flow to other channels.")
        return
    for index, card in enumerate(cards):
        buttons = card.get("buttons") if isinstance(card, Mapping) else None
        if channel.card_buttons is not None and isinstance(buttons, list) and len(buttons) > channel.card_buttons:
            message = f"{channel.title} shows at most {channel.card_buttons} buttons on a card; this one has {len(buttons)}."
            yield _problem("too_many_buttons", node, f"{path}.{index}.buttons", message, "Take some away.")


def _media(node: DrawnNode, path: str, media: Sequence[Any], channel: ChannelLimits) -> Iterator[Problem]:
    for index, item in enumerate(media):
        kind = item.get("kind") if isinstance(item, Mapping) else None
        if channel.media is not None and isinstance(kind, str) and kind not in channel.media:
            message = f"{channel.title} cannot show this kind of file ({kind})."
            yield _problem("media_not_shown", node, f"{path}.{index}", message, "Send a link to it instead.")


def _texts(node: DrawnNode, channel: ChannelLimits) -> Iterator[Problem]:
    most = channel.text_characters
    for field, text in node.customer_texts if most is not None else ():
        if most is not None and len(text) > most:
            message = f"{channel.title} cuts messages after {most} characters; this one has {len(text)}."
            yield _problem("text_too_long", node, field, message, "Make two messages of it.")
