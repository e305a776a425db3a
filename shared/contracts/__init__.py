"""The public language of the services: every message, its envelope and the catalogue of both."""
