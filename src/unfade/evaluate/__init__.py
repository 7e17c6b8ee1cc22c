"""Measuring: metrics, one file each, and the comparison of two pictures."""
