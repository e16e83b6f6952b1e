"""Actions of your own; see actions.py."""
