"""A stand-in for outside services on this machine: real HTTP, a page to look at, a switch per service.

Run it with ``python -m project.sandbox``. It is plain Python beside the demo site: it knows neither Django nor
syncqueue, so that what it logs can judge them from outside. See ``README.md`` in this folder.
"""
