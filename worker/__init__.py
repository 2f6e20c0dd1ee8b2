"""What takes long: pictures, subtitles, renditions, uploads. Each piece of work is a job, and a row of the catalog.

A worker takes one job at a time. It may be killed at any moment, on any host: another one begins the job anew, and what
the first would still write is refused.
"""
