"""Tokenizers: where the words of a text begin and end."""
