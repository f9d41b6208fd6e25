"""The stand-in for Telegram's Bot API (https://core.telegram.org/bots/api), as far as syncing needs it."""
