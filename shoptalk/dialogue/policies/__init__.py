"""Policies: each looks at a conversation and scores what the assistant could do next."""
