"""Contract of all parts of Darkroom: the task, its record, its routing and its callback.

Nothing here performs input or output. Publisher, router, agent, stacks and tests read their names and rules here, so
they cannot drift apart.
"""
