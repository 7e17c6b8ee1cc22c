"""The routes, one file a subject. Each is thin: it checks, asks the studio, and answers."""
