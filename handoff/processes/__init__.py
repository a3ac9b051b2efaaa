"""Processes of our own: interpreters, sandboxes, deadlines, and nothing left of any of them."""
