"""The one way out: how a handler's client library reaches a service. Knows nothing of handlers, Django or Redis."""
