"""What every part of Darkroom agrees on: the task, its record, its routing and its callback.

Nothing here performs input or output, so publisher, router, agent, stacks and tests all take their
names and rules from this one place and cannot drift apart.
"""
