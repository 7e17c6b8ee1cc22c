"""``python -m unfade``."""

from unfade.cli import main

main()
