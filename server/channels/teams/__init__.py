"""Microsoft Teams: chats, group and meeting chats, mentions in channels, Adaptive Cards (Bot Framework protocol)."""
