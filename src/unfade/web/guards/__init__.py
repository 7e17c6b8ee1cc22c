"""What stands before every route, from the outside in; each is plain ASGI.

headers     what every answer carries; a request's id, its log line, its figures
identity    the host that was asked for, the origin, the user
rates       how often
bodies      how much, and how slowly
"""
