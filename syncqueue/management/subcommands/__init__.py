"""The subcommands of `manage.py syncqueue`, one class each."""
