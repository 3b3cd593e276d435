"""The other service: it knows a key and JSON, and nothing of the cache in Rust."""

import json
import sys

import redis

KEY = "shop:tasks:v1:task_1"

url, command, *rest = sys.argv[1:]
shared = redis.Redis.from_url(url)
if command == "read":
    data = shared.get(KEY)
    print("python  reads  ", json.loads(data) if data else "nothing")
elif command == "store":
    shared.set(KEY, json.dumps({"id": 1, "title": rest[0]}), ex=300)
    print("python  stores ", rest[0])
elif command == "remove":
    shared.delete(KEY)
    print("python  removes it")
