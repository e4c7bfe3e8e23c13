"""Slack's way of writing: three letters are escaped, what stands in angle brackets is a link or a mention."""

import html
import re

_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\((https?://[^\s()<>|]{1,2000})\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_BRACKETS = re.compile(r"<([^<>\n]{1,3000})>")


def escaped(text: str) -> str:
    """Text in which nothing mentions or links: `<!channel>` in a customer's name rings nobody's bell."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mrkdwn(text: str) -> str:
    """Our Markdown as Slack's: links and bold differ."""
    found, end = [], 0
    for link in _LINK.finditer(text):
        found += [_words(text[end : link.start()]), f"<{escaped(link[2])}|{escaped(link[1]).replace('|', '/')}>"]
        end = link.end()
    return "".join([*found, _words(text[end:])])


def _words(text: str) -> str:
    return _BOLD.sub(r"*\1*", escaped(text))


def plain(text: str, bot_user_id: str | None) -> str:
    """What a customer wrote, in plain letters: without the mention of the bot, links and channels as one reads them."""

    def read(found: re.Match[str]) -> str:
        target, _, label = found[1].partition("|")
        if target.startswith("@"):
            return "" if target[1:] == bot_user_id else f"@{label or target[1:]}"
        if target.startswith("#"):
            return f"#{label or target[1:]}"
        if target.startswith("!"):
            return label or f"@{target[1:].split('^')[0]}"
        return label if target.removeprefix("mailto:").removeprefix("tel:") == label else f"{label} ({target})" if label else target

    return html.unescape(_BRACKETS.sub(read, text)).strip()
