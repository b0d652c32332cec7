"""The subcommands of `qa`, one family a file."""
