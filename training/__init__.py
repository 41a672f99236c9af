"""Offline, once: data sets become the weights that ``engine`` and ``export`` ship."""
