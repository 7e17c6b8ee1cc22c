"""Local damage: scratches, dust, hairs, creases, tears, stains ... each with its place."""
