"""`python -m project.screenshots`: plays an outage on a separate demo and takes the pictures in docs/images."""
