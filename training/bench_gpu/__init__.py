"""Speed and parity of the generators on a GPU, with torch alone: ``make bench-gpu``."""
