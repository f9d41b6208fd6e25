"""An app of the site whose registration of notes can be broken and corrected by a test."""
