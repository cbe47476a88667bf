"""Benchmarks: figures of the agent, the scaling and the model downloads, against baselines."""
