"""Runs the story of the demo headless and checks it from outside: `make demo-check`.

`steps.py` is the story, `story.py` has the operations of its steps, `site.py` uses the site like a browser,
`sandbox.py` reads the channels and sets the modes, `judge.py` evaluates the log of the sandbox. Nothing here imports
syncqueue.
"""
