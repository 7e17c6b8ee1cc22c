"""The studio: a REST service and the page that is served with it.

    schemas/        what is said over the wire, as pydantic models
    rules           what this server allows: addresses, limits, retention
    problems        the library's errors as problem+json
    app             the application put together
    guards/         what stands before every route: identity, origin, sizes, rates, headers
    routes/         one file a subject
    store           rows: uploads, jobs, events, idempotency keys (SQLAlchemy)
    shelf           files on the server's disk, under names that the server made
    work/           what is done in resource-limited child processes: decode, look, mend, show
    crew            the children: started warm, watched, replaced
    dispatch        which job is next, fairly; what becomes of it
    hub             who listens to which job

The server's own process never decodes a picture and imports neither NumPy nor OpenCV.
"""
