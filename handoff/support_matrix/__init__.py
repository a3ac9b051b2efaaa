"""Which ways carry an object: every cell of payload, strategy, duty and start method, executed."""
