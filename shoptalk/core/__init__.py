"""What a conversation is made of: messages, events, domain, slots, tracker, stories. Standard library only."""
