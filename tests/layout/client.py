"""A service in another language: it writes, reads and removes what stands in Redis, as JSON.

client.py PORT get|set|delete KEY [JSON]
"""

import json
import sys

try:
    from redis import Redis  # redis-py, if it is installed
except ImportError:
    from resp import Redis

port, command, key, *rest = sys.argv[1:]
server = Redis(host="127.0.0.1", port=int(port))
if command == "get":
    data = server.get(key)
    print("" if data is None else json.dumps(json.loads(data), sort_keys=True))
elif command == "set":
    server.set(key, json.dumps(json.loads(rest[0])))
elif command == "delete":
    server.delete(key)
else:
    sys.exit(f"unknown command: {command}")
