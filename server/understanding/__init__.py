"""What a text says, found on this machine without a model: values in it, its language, its mood, and what has no place in a chat.

Everything is deterministic, reads at most 2 000 characters and opens no connection; `perform` answers the calls of flows.
"""
