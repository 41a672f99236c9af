"""The run time: sound in, frames out. No torch, no asyncio, no wall clock."""
