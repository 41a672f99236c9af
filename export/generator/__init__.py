"""Generators: a latent ``w`` in, a canvas out."""
