"""Lease renewal, task monitoring and the replica's heartbeat."""
