"""Playbacks and their leases: who may watch now, and by which links."""
