"""Architectures in PyTorch: one folder or file each, named as their paper names them.

Imported only where training or the PyTorch runtime needs them.
"""
