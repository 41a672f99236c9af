"""The pure parts of a live stream, of which the server and the preview are made."""
