"""Real Rasa and Shoptalk side by side on the same projects; see `python -m bench.parity --help`."""
