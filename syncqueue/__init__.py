"""Keeps copies of a site's content on outside services, through outages. The public names, loaded when first used."""
