"""The Flask services: `authz` decides about every request for media, `api` is the JSON interface."""
