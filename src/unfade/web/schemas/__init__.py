"""What is said over the wire. Names are those of the command line and of ``unfade.restore``."""
