"""Damage to the whole picture: blur, noise, coding, fading, toning, size."""
