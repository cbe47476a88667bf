"""AWS of the local system: one moto server, and clients for it."""
