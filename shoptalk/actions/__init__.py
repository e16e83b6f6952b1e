"""What an assistant does: default actions, responses, forms, slots, and the user's own actions."""
