"""The demo site: notes that are kept in step with outside services by syncqueue."""
