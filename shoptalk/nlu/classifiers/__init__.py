"""Classifiers: what a text means."""
