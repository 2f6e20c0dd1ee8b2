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
