"""Does scripts of steps on asyncio's own semaphores; see semaphore_asyncio_test.go."""
import asyncio
import json
import sys


async def run(script):
    kind = asyncio.BoundedSemaphore if script["bounded"] else asyncio.Semaphore
    sem = kind(script["value"])
    tasks, events = {}, []
    for step in script["steps"]:
        event = []
        if step["op"] == "acquire":
            tasks[step["caller"]] = asyncio.create_task(sem.acquire())
        elif step["op"] == "cancel" and step["caller"] in tasks:
            tasks[step["caller"]].cancel()
        elif step["op"] == "release":
            try:
                sem.release()
            except ValueError:
                event.append("over-release")
        for _ in range(len(tasks) + 5):
            await asyncio.sleep(0)
        for number, task in list(tasks.items()):
            if task.done():
                event.append(("gone" if task.cancelled() else "got") + f" {number}")
                del tasks[number]
        event.sort()
        event.append(f"value {sem._value}")
        events.append(", ".join(event))
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    return events


print(json.dumps([asyncio.run(run(script)) for script in json.load(sys.stdin)]))
