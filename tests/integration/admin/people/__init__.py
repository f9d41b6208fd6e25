"""An app with a user model of a site's own."""
