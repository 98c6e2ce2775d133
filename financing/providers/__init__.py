"""Ask others what financing needs."""
