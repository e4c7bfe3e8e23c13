"""The web widget as a channel: who may load it, and what it looks like."""
