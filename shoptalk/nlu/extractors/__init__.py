"""Extractors: which values a text holds."""
