"""The three words of redis-py that `client.py` says, for a machine without it."""

import socket


class Redis:
    def __init__(self, host, port):
        self.stream = socket.create_connection((host, port), timeout=10).makefile("rwb")

    def get(self, key):
        return self._ask(b"GET", key)

    def set(self, key, value):
        return self._ask(b"SET", key, value)

    def delete(self, key):
        return self._ask(b"DEL", key)

    def _ask(self, *words):
        words = [word.encode() if isinstance(word, str) else word for word in words]
        parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        self.stream.write(b"*%d\r\n" % len(words) + b"".join(parts))
        self.stream.flush()
        line = self.stream.readline().rstrip()
        if line[:1] == b"-":
            raise RuntimeError(line[1:].decode())
        if line[:1] != b"$":
            return line[1:]
        length = int(line[1:])
        return None if length < 0 else self.stream.read(length + 2)[:-2]
