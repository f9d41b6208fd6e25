"""The worker: one asyncio process that empties the queues. Each duty has its own place and reason to wake up."""
