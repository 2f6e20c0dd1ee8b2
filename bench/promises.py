"""What PRODUCT.md promises, and what this bench can hold against itself."""

from typing import Final

# Highest Nginx CPU per GB, guarded to unguarded; highest CPU added to a request, microseconds.
CPU_PER_GB: Final = {"64 KiB": 1.40, "1 MiB": 1.15}
MICROSECONDS_A_REQUEST: Final = 15.0
# First byte on an open connection, p99 over that of unguarded Nginx, unloaded, milliseconds.
FIRST_BYTE_MS: Final = 5.0
# How many times the CPU per GB of ours a Node pipe takes at 1 MiB.
NODE_TIMES: Final = 3.0
# Memory a stream: resident plain and TLS, kernel; bytes.
RESIDENT_BYTES: Final = {False: 16 << 10, True: 100 << 10}
KERNEL_BYTES: Final = 300 << 10
# What making the renditions of a title may take: the wall against bare ffmpeg of the same graph, the CPU against one
# ffmpeg a rung; until the first is playable, of all; what packing adds to the files, and takes of the wall; bytes that
# it puts into /tmp; the CPU of a storyboard against that of decoding all of the film.
LADDER_WALL: Final = 1.05
LADDER_CPU: Final = 0.85
FIRST_PLAYABLE: Final = 0.25
RENDITION_SIZE: Final = 1.002
PACKING_WALL: Final = 0.02
PACKING_TMP_BYTES: Final = 0
STORYBOARD_CPU: Final = 0.1
