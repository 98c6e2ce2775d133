"""WebSocket endpoints that belong to no app."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer


class NotFoundConsumer(AsyncWebsocketConsumer):
    """A path nobody serves: accepted and closed with a code, so that a browser can tell why."""

    async def connect(self) -> Any:
        await self.accept()
        await self.close(code=4404)
