"""Metrics, alarms, dashboard and saved queries of an environment."""
