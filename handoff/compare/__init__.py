"""What must be the same about an object on both sides of a hand-over, and what differs."""
