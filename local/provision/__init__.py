"""From synthesized templates to living resources: made on the moto server, or played by the local system itself."""
