"""Slack: direct messages, mentions and threads, buttons, menus and a slash command (Events API, interactivity, Web API)."""
