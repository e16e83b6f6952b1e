"""The HTTP server: channels, Rasa's API, health, pages."""
