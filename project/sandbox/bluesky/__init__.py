"""A server of the AT Protocol (a PDS), as strict as the reference one where clients notice."""
