"""The study: a data set, damage, methods, and one table."""
