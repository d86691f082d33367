"""A small service that can be made ill: python3 clinic.py FOLDER BACKLOG SCHEME. It tells its ports, then obeys a word a line."""

import json
import os
import resource
import select
import socket
import sqlite3
import ssl
import struct
import sys
import threading
import time

folder, backlog, scheme = sys.argv[1], int(sys.argv[2]), sys.argv[3]
fault = ""
skew = 0.0
password = "first"
leaked = []
pool = threading.Semaphore(4)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if scheme == "https" else None


def certificate(name):
    tls.load_cert_chain(os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key"))


def dose():
    with pool:
        with sqlite3.connect(os.path.join(folder, "records.db")) as database:
            database.execute("SELECT amount FROM doses WHERE id = 17").fetchone()
        return {"dose": 50 if fault == "wrong" else 5}


def reply(method, path, authorization, body):
    if path == "/health":
        return 200, "ok"
    if path == "/dose":
        return 200, dose()
    if path == "/login" and json.loads(body).get("password") == password:
        return 200, {"token": "t0ken-of-today"}
    if path == "/chart" and authorization == "Bearer t0ken-of-today":
        return 200, {"dose": 5}
    return 401, "who?"


def read(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        if not more:
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(4096)
    method, path, _ = lines[0].split()
    return method, path, headers.get("authorization"), body


def serve(connection):
    try:
        if fault == "hole":
            time.sleep(3600)
        if fault == "reset":
            # Whoever sends nothing sees nothing of it.
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if tls:
            connection = tls.wrap_socket(connection, server_side=True)
        request = read(connection)
        if request is None:
            return
        if fault == "slow":
            time.sleep(0.4)
        status, answer = reply(*request)
        answer = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        length = len(answer) + (100 if fault == "cut" else 0)
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        connection.sendall(head.encode() + answer)
    except (OSError, ValueError):
        pass
    finally:
        connection.close()


def accept():
    while True:
        ready, _, _ = select.select([listener], [], [], 0.02)
        if ready and fault != "stall":
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()
        elif ready:
            time.sleep(0.02)


def tell_time():
    while True:
        request, sender = clock.recvfrom(512)
        now = time.time() + skew + 2208988800
        stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
        clock.sendto(b"\x24\x02" + bytes(22) + request[40:48] + stamp + stamp, sender)


if tls:
    certificate("good")
listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
clock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
clock.bind(("127.0.0.1", 0))
for work in (accept, tell_time):
    threading.Thread(target=work, daemon=True).start()
print(listener.getsockname()[1], clock.getsockname()[1], flush=True)

for line in sys.stdin:
    word, _, argument = line.strip().partition(" ")
    if word == "certificate":
        certificate(argument)
    elif word == "skew":
        skew = float(argument)
    elif word == "password":
        password = argument
    elif word == "leak":
        for _ in range(4):
            pool.acquire()
    elif word == "return":
        pool.release(4)
    elif word == "files":
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        leaked = [open(os.devnull) for _ in range(int(argument))]
    elif word == "close":
        for file in leaked:
            file.close()
    else:
        fault = "" if word == "none" else word
    print("done", flush=True)
