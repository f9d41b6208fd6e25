"""Stand-ins for outside services on this machine: real HTTP, a page, and a mode for each service.

Run it with ``python -m project.sandbox``. It is plain Python and imports neither Django nor syncqueue, so that its log
is independent evidence. See ``README.md`` in this folder.
"""
