"""Touches media files safely: opens them beneath their root, judges them, asks ffprobe, makes pictures.

Whoever reads a library file does it with this package, since a video is the most hostile input there is. Uses
`catalog` at most; knows nothing of `indexer` and `authsvc`.
"""
