"""Networks and their numerics: tensors and plain configuration only."""
