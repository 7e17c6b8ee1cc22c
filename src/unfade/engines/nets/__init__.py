"""Networks of our own in PyTorch: published architectures under their published key names.

Modules here import torch at their top; they are reached only after ``unfade.needs`` has said that
it is installed. Each folder is one paper. Parameters and buffers carry exactly the names and
shapes of the authors' checkpoints, because those names are the file format.
"""
