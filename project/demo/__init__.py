"""The demo: starts a Valkey server, the sandbox, the web server and a worker, and stops them again.

`plan.py` says what is started with which ports and variables, `child.py` is one process, `supervisor.py`
starts and stops them in order.
"""
