"""asyncio, aiohttp and aiortc around the engine: signalling, sessions, tracks, metrics."""
