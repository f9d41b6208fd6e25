"""Pages on which people let this site post as their accounts."""
