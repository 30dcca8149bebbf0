"""FastAPI under uvicorn, pydantic models, an httpx client with a pool, background tasks.

Needs: fastapi, uvicorn, httpx
Garbage: requests of Starlette and httpx
"""

import asyncio
import socket

import httpx
import uvicorn
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()
DONE = {"orders": 0}


class Order(BaseModel):
    number: int
    items: list[str] = []


def current_user():
    yield {"name": "ann"}


def note(order):
    DONE["orders"] += 1


@app.post("/orders")
async def add(order: Order, later: BackgroundTasks, user: dict = Depends(current_user)):
    if order.number % 10 == 0:
        raise HTTPException(409, "seen")
    later.add_task(note, order)
    return {"user": user["name"], "order": order}


async def main():
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    serving = asyncio.create_task(server.serve([sock]))
    url = "http://127.0.0.1:%d/orders" % sock.getsockname()[1]
    async with httpx.AsyncClient(trust_env=False) as client:
        while not server.started:
            await asyncio.sleep(0.05)
        print("READY", flush=True)
        number = 0
        while not serving.done():
            number += 1
            await client.post(url, json={"number": number, "items": ["a", "b"]})
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
