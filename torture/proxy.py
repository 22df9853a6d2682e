"""A proxy between the service and one of its servers, which fails when it is told to."""
import asyncio
import threading


class Proxy:
    """Listens on a TCP port of its own or on a Unix socket, forwards to another, and runs in a thread of its own."""

    def __init__(self, target, listen=None):
        """target, listen: (host, port), or the path of a Unix socket. No listen: a free port of the loopback interface."""
        self.target, self.listen = target, listen
        self.port = None
        self.heal()
        self.writers = set()
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        self.ready.wait()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())
        self.ready.set()
        self.loop.run_forever()

    async def _serve(self):
        if isinstance(self.listen, str):
            await asyncio.start_unix_server(self._accept, self.listen)
        else:
            server = await asyncio.start_server(self._accept, *(self.listen or ("127.0.0.1", 0)))
            self.port = server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        try:
            if isinstance(self.target, str):
                other_reader, other_writer = await asyncio.open_unix_connection(self.target)
            else:
                other_reader, other_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        pair = {writer, other_writer}
        self.writers |= pair
        await asyncio.gather(self._pump(reader, other_writer, False), self._pump(other_reader, writer, True))
        self.writers -= pair
        for one in pair:
            one.close()

    async def _pump(self, reader, writer, is_answer):
        try:
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if is_answer and self.cut_in_frame and len(data) > 1:
                    self.cut_in_frame = False
                    await self._forward(data[:len(data) // 2], writer, is_answer)
                    self._cut()
                    return
                await self._forward(data, writer, is_answer)
        except OSError:
            pass
        finally:
            writer.close()

    async def _forward(self, data, writer, is_answer):
        while data:
            while ("answers" if is_answer else "requests") in self.stalled:
                await asyncio.sleep(0.05)
            rate = self.bytes_per_second
            part = data[:max(int(rate / 20), 1)] if rate else data
            writer.write(part)
            await writer.drain()
            data = data[len(part):]
            if rate:
                await asyncio.sleep(len(part) / rate)

    def _cut(self):
        for writer in list(self.writers):
            writer.transport.abort()

    @property
    def is_used(self):
        """Whether there is a connection."""
        return bool(self.writers)

    def cut(self):
        """Ends all connections without a word."""
        self.loop.call_soon_threadsafe(self._cut)

    def stall(self, *ways):
        """Connections stay, nothing passes: of "requests" to the server, of its "answers", or of both."""
        self.stalled = ways

    def slow(self, bytes_per_second=None, delay=0):
        """So many bytes a second each way of each connection at most; what comes at once held back for so many seconds."""
        self.bytes_per_second, self.delay = bytes_per_second, delay

    def heal(self):
        """Forwards as it should."""
        self.stalled = ()
        self.cut_in_frame = False
        self.slow()
