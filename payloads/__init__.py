"""The catalogue: what is handed over. One module a family."""
