"""The agent: claims tasks from its runtime's queue, carries them out with the engine, and stores the outputs."""
