"""One messenger a file: verify, parse and send."""
