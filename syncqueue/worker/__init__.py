"""The worker: one asyncio process that empties the queues. Each duty has its own class and its own reason to wake up."""
