"""Orchestrator of this replica: it learns whether the replica works, and announces the end of its machine."""
