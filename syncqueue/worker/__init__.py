"""The worker: one asyncio process that empties the queues. Each duty has its own module and interval."""
