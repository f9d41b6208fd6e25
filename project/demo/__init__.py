"""The demo: starts and stops a Valkey server, the sandbox, the web server and a worker.

`plan.py` defines processes, ports and variables, `child.py` is one process, `supervisor.py` starts and stops them in
order.
"""
