"""The JSON API on top of the service layer; `urls.py` lists the paths."""
