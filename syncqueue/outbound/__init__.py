"""All outgoing connections: how client libraries reach a service. Imports neither handlers, Django nor Redis."""
