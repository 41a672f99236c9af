"""A microphone, a window, a virtual camera: the avatar live on this machine, without a browser."""
