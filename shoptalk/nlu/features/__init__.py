"""Featurizers: what a text looks like to the classifiers."""
