"""A receiver of webhooks that verifies signatures (Standard Webhooks) and stores objects by their id."""
