"""A script of somebody's own on a Jupyter gateway: argv is its address, its token, where that goes (header or query) and
the sub-protocol (v1 or plain). Prints what it saw, as JSON. Its libraries are those that jupyter-server itself needs."""

import json
import sys
import urllib.error
import urllib.request
import uuid

import websocket

URL, TOKEN, PLACE, PROTOCOL = sys.argv[1:]
V1 = "v1.kernel.websocket.jupyter.org"
QUERY = f"?token={TOKEN}" if PLACE == "query" else ""
HEADERS = {} if PLACE == "query" else {"Authorization": f"token {TOKEN}"}


def rest(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path + QUERY, data=data, headers=HEADERS, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def status_of(method, path):
    try:
        return rest(method, path)[0]
    except urllib.error.HTTPError as error:
        return error.code


class Channels:
    def __init__(self, kernel_id):
        self.session = uuid.uuid4().hex
        separator = "&" if QUERY else "?"
        where = f"/api/kernels/{kernel_id}/channels{QUERY}{separator}session_id={self.session}"
        self.socket = websocket.create_connection(
            URL.replace("http", "ws", 1) + where,
            header=HEADERS,
            subprotocols=[V1] if PROTOCOL == "v1" else None,
            timeout=60,
        )

    def send(self, kind, content):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self.session}
        header.update({"username": "", "date": "", "version": "5.3"})
        if PROTOCOL == "v1":
            self.socket.send_binary(frame("shell", [header, {}, {}, content]))
        else:
            message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
            self.socket.send(json.dumps({**message, "channel": "shell", "buffers": []}))
        return header["msg_id"]

    def receive(self):
        data = self.socket.recv()
        if isinstance(data, bytes):
            return unframed(data)
        message = json.loads(data)
        return message["channel"], message["header"], message["parent_header"], message["content"]

    def execute(self, code, on_text=lambda: None):
        """What it printed, its result or error, and the state of the reply."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        request = self.send("execute_request", {**content, "user_expressions": {}})
        shown, reply, is_idle = [], None, False
        while reply is None or not is_idle:
            channel, header, parent, content = self.receive()
            if parent.get("msg_id") != request:
                continue
            kind = header["msg_type"]
            if kind == "stream":
                shown.append(content["text"])
                on_text()
            elif kind == "execute_result":
                shown.append(content["data"]["text/plain"])
            elif kind == "error":
                shown.append(content["ename"])
            elif kind == "execute_reply":
                assert channel == "shell"
                reply = content["status"]
            is_idle = is_idle or content.get("execution_state") == "idle"
        return ["".join(shown), reply]


def frame(channel, parts):
    parts = [channel.encode(), *(json.dumps(part).encode() for part in parts)]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    numbers = [len(offsets), *offsets]
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), *parts])


def unframed(data):
    count = int.from_bytes(data[:8], "little")
    offsets = [int.from_bytes(data[8 * n : 8 * n + 8], "little") for n in range(1, count + 1)]
    parts = [data[start:end] for start, end in zip(offsets, offsets[1:])]
    header, parent, _, content = (json.loads(part) for part in parts[1:5])
    return parts[0].decode(), header, parent, content


specs = rest("GET", "/api/kernelspecs")[1]
created, kernel = rest("POST", "/api/kernels", {"name": specs["default"]})
kernel_id = kernel["id"]
kernel_path = f"/api/kernels/{kernel_id}"
channels = Channels(kernel_id)
seen = {
    "default": specs["default"] in specs["kernelspecs"],
    "created": created,
    "listed": kernel_id in [one["id"] for one in rest("GET", "/api/kernels")[1]],
    "subprotocol": channels.socket.getsubprotocol(),
    "printed": channels.execute("x = 41\nprint('x is', x)"),
    "result": channels.execute("x + 1"),
    "interrupted": channels.execute(
        "import time\nprint('begun', flush=True)\ntime.sleep(60)",
        on_text=lambda: rest("POST", f"{kernel_path}/interrupt"),
    ),
    "restarted": rest("POST", f"{kernel_path}/restart")[0],
    "afterRestart": channels.execute("x + 1"),
    "deleted": status_of("DELETE", kernel_path),
    "thenThere": status_of("GET", kernel_path),
}
print(json.dumps(seen))
