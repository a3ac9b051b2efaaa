"""From samples to figures: statistics, metrics, units, the cost of a job. Pure; starts no process."""
