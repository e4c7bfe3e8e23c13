"""Signed JSON in and out: the channel for whatever system has none of its own here."""
