"""Several scans of one thing: laid upon each other, and made one.

``fusing`` is the front door; ``alignment`` finds how a scan lies on the first, roughly and at full
size; ``warping`` reads it so; ``combining`` makes one pixel of several. Nothing is made up: each
pixel of the result is light that one of the scans has measured, or the mean of several.
"""
