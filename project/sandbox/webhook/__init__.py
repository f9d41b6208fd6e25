"""A receiver of webhooks that checks signatures, as Standard Webhooks says, and keeps objects by their id."""
