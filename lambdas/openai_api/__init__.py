"""Answers programs that were written for OpenAI's images API: each call becomes a task that the caller waits for."""
