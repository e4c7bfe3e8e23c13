"""Telegram: private chats and groups, buttons, files, places (Bot API, core.telegram.org/bots/api)."""
