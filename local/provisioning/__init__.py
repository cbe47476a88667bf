"""From synthesized templates to living resources: made on the moto server, or emulated by the local system itself."""
