"""Contacts, conversations, messages: accepted once, in order, delivered."""
