"""From a project's files to a model."""
