"""Queues the webhooks of finished tasks, apart from their callbacks."""
