"""Offline, once per identity: a photo becomes an ``.avatar`` bundle."""
