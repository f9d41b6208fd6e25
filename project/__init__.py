"""The demo site: notes that syncqueue keeps in sync with outside services."""
