"""Durable conversations: the contract in `base`, one implementation a module, `build` to choose one."""
