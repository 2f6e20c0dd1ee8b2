"""Finds the library's files, learns what they are, and publishes them as titles.

A scan walks the roots, compares what it finds with the rows of `videos`, probes what is new or changed in a sandbox
and publishes `titles/<video id>/`. Uses `media` and `catalog`; knows nothing of `authsvc`.
"""
