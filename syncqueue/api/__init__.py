"""The JSON API over the service layer; see `urls.py` for its paths."""
