"""The demo shop Lantern & Loom: what the assistant's actions call."""
