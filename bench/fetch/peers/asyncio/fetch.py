"""The recipe that everybody copies: aiohttp, a semaphore, and gather.

fetch.py CONCURRENCY PER_HOST URLS OUTPUT
"""

import asyncio
import json
import sys

import aiohttp


async def fetch(session, semaphore, url, out):
    async with semaphore:
        for attempt in range(51):
            try:
                async with session.get(url, ssl=False) as response:
                    body = await response.text()
                    if response.status == 429 and attempt < 50:
                        await asyncio.sleep(int(response.headers.get("Retry-After", 1)))
                        continue
                    out.write(json.dumps({"url": url, "status": response.status, "body": body}) + "\n")
            except Exception as error:  # as the recipes have it
                out.write(json.dumps({"url": url, "error": str(error)}) + "\n")
            return


async def main(concurrency, per_host, urls, output):
    semaphore = asyncio.Semaphore(concurrency)
    connector = aiohttp.TCPConnector(limit=concurrency, limit_per_host=per_host)
    timeout = aiohttp.ClientTimeout(total=30)
    with open(urls) as lines, open(output, "w") as out:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await asyncio.gather(*(fetch(session, semaphore, line.strip(), out) for line in lines))


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]))
