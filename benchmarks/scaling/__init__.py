"""A fleet in a simulation: arrivals, queue, scaler, machines and tasks, with an environment's own parameters."""
