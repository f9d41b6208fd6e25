"""What people read of records, destinations and outages; the same for admin, API, commands and mails."""
