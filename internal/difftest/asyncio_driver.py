"""Runs scripts of operations on asyncio's primitives and logs what happens.

Reads lines from stdin: "new KIND SIZE" begins a script, any other line is a
step of one or more operations separated by "; ". The operations of a step are
done without letting the event loop run in between; then it runs until nothing
more happens, and one line tells which calls have ended, in the order of their
numbers, and the state. The Go side of the test does the same.
"""

import asyncio
import sys


class Semaphore:
    def __init__(self, kind, size):
        self.sem = getattr(asyncio, kind)(size)

    def call(self, op, _args):
        assert op == "acquire"

        async def acquire():
            await self.sem.acquire()
            return "ok"

        return acquire()

    def do(self, op, _args):
        assert op == "release"
        try:
            self.sem.release()
        except ValueError:
            return "release too often"
        return "release ok"

    def state(self):
        return f"locked {int(self.sem.locked())}"


class Queue:
    def __init__(self, kind, size):
        self.queue = getattr(asyncio, kind)(size)

    def call(self, op, args):
        async def get():
            return str(await self.queue.get())

        async def put():
            await self.queue.put(int(args[0]))
            return "ok"

        async def join():
            await self.queue.join()
            return "ok"

        return {"get": get, "put": put, "join": join}[op]()

    def do(self, op, args):
        try:
            if op == "putnow":
                self.queue.put_nowait(int(args[0]))
                return "putnow ok"
            if op == "getnow":
                return f"getnow {self.queue.get_nowait()}"
            assert op == "done"
            self.queue.task_done()
            return "done ok"
        except asyncio.QueueFull:
            return "putnow full"
        except asyncio.QueueEmpty:
            return "getnow empty"
        except ValueError:
            return "done too often"

    def state(self):
        q = self.queue
        return f"len {q.qsize()} empty {int(q.empty())} full {int(q.full())}"


def end_of(task):
    return "cancelled" if task.cancelled() else task.result()


async def main():
    subject, calls = None, {}
    for line in sys.stdin:
        if line.startswith("new "):
            for task in calls.values():
                task.cancel()
            await asyncio.gather(*calls.values(), return_exceptions=True)
            calls = {}
            _, kind, size = line.split()
            subject = (Semaphore if "Semaphore" in kind else Queue)(kind, int(size))
            print(line.strip())
            continue
        events = []
        for operation in line.strip().split("; "):
            op, *args = operation.split()
            if op == "cancel":
                if args[0] in calls:
                    calls[args[0]].cancel()
            elif op in ("acquire", "get", "put", "join"):
                calls[args[0]] = asyncio.create_task(subject.call(op, args[1:]))
            else:
                events.append(subject.do(op, args))
        for _ in range(20):
            await asyncio.sleep(0)
        for number in sorted(calls, key=int):
            if calls[number].done():
                events.append(f"{number} {end_of(calls.pop(number))}")
        print(f"{line.strip()} | {', '.join(events)} | {subject.state()}")
    for task in calls.values():
        task.cancel()


asyncio.run(main())
