"""Texts about records, destinations and outages for people; the same in admin, API, commands and mails."""
