"""The command line that users type; it talks to the system over its public interfaces only."""
