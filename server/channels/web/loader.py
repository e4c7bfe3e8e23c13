"""The script that a web page embeds: it brings the widget with the channel's look."""

import msgspec

from server.channels.queries import Channel
from server.channels.web.look import look_of

_LOADER = """(() => {
  const { channel, script, look } = %s;
  const me = document.currentScript ?? document.querySelector(`script[src*="/widget/${channel}.js"]`);
  const server = new URL("..", me.src).href.replace(/\\/$/, "");
  const widget = document.createElement("script");
  const address = server + script;
  const policy = window.trustedTypes?.createPolicy("chatloom", { createScriptURL: (url) => url });
  widget.src = policy ? policy.createScriptURL(address) : address;
  widget.async = true;
  widget.nonce = me.nonce;
  widget.chatloom = { channel, server, settings: { ...look, ...me.dataset } };
  document.head.append(widget);
})();
"""


def loader_of(channel: Channel, script: str) -> str:
    """JavaScript that loads the widget from `script`, an address below the one it was loaded from itself."""
    values = {"channel": str(channel.id), "script": script, "look": look_of(channel)}
    return _LOADER % msgspec.json.encode(values).decode().replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
