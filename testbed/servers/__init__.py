"""Servers as child processes, in folders of their own, without a port but loopback's."""
