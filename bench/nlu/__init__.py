"""Benchmarks of understanding: accuracy, training time, parse time, memory."""
