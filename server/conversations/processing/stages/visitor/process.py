"""Notes how a visitor's request came, shortened as the channel chose."""

import re
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from server.conversations.processing.contract import Result, Said, Settings, Visitor

MOST_CHARACTERS = 300
_BROWSERS = (
    ("Edge", r"\bEdgA?/|\bEdgiOS/"),
    ("Opera", r"\bOPR/|\bOpera\b"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\bFirefox/|\bFxiOS/"),
    ("Chrome", r"\bChrome/|\bCriOS/|\bChromium/"),
    ("Safari", r"\bVersion/[\d.]+ .*Safari/"),
)
_SYSTEMS = (
    ("Android", r"\bAndroid\b"),
    ("iOS", r"\biPhone\b|\biPad\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMacintosh\b|\bMac OS X\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Linux", r"\bLinux\b|\bX11\b"),
)
_SHORT_BITS = {4: 24, 6: 48}


def process(said: Said, settings: Settings) -> Result:
    """Browser, address and page, those that are noted."""
    visitor = said.visitor or Visitor()
    noted = {
        "browser": _browser(visitor.user_agent, settings["browser"]),
        "address": _address(visitor.address, settings["address"]),
        "page": _page(visitor.referrer, settings["page"]),
    }
    return Result({name: value for name, value in noted.items() if value})


def _browser(user_agent: str, much: str) -> str:
    if much == "whole":
        return "".join(letter for letter in user_agent if letter.isprintable())[:MOST_CHARACTERS]
    if much == "off" or not user_agent:
        return ""
    agent = user_agent[: 4 * MOST_CHARACTERS]
    name, system = (next((name for name, form in known if re.search(form, agent)), "") for known in (_BROWSERS, _SYSTEMS))
    return f"{name or 'Other'} on {system}" if system else name or "Other"


def _address(address: str, much: str) -> str:
    """Shortened to its /24 (IPv4) or /48 (IPv6), which stand for a neighbourhood of customers and not for one."""
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    if known.version == 6 and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    if much == "short":
        return str(ip_network((known, _SHORT_BITS[known.version]), strict=False).network_address)
    return str(known) if much == "whole" else ""


def _page(referrer: str, much: str) -> str:
    try:
        page = urlsplit(referrer)
    except ValueError:
        return ""
    if much == "off" or page.scheme not in ("http", "https") or not page.hostname:
        return ""
    shown = f"{page.scheme}://{page.netloc.rpartition('@')[2]}{page.path if much == 'path' else ''}"
    return shown[:MOST_CHARACTERS] if shown.isprintable() else ""
