"""Which way to take for one object and one job: search, ranking, words and code to start from."""
