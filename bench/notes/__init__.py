"""A site's content, as small as it can be."""
