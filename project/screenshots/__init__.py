"""`python -m project.screenshots`: plays an outage on a demo of its own and takes the pictures in docs/images."""
