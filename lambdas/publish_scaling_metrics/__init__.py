"""Measures queues and services each minute, for the scaling on ECS."""
