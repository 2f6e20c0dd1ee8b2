"""`python -m authsvc.cli`."""

from authsvc.cli.commands import main

main()
