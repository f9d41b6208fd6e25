"""Telegram: notes as messages of a channel or group, through the Bot API."""
