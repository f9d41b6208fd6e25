"""The demo's story, played headless and judged from outside: `make demo-check`.

`steps.py` is the story, `story.py` what its steps can do and see, `site.py` uses the site as a browser does,
`sandbox.py` reads the channels and turns the switch, `judge.py` counts in the sandbox's log. Nothing here
imports syncqueue.
"""
