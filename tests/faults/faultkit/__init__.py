"""What the fault tests share: workers as processes, clients that retry, a TCP proxy, a history checker."""
