"""Provisioning of templates: resources on the moto server, or emulated by the local system itself."""
