"""Inference back ends behind one small protocol."""
