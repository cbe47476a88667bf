"""Publishes the callbacks of finished tasks, and queues their webhooks."""
