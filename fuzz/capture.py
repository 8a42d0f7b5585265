#!/usr/bin/env python3
"""Writes the seed corpus of `authority`: what genuine clients send to a plugin, grpc-go's and this crate's.

Needs Go and Cargo. The corpus is committed; run this again when the shape of an input changes. A plugin runs behind a socket that
records what is sent to it.
"""

import base64
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
CORPUS = HERE / "corpus" / "authority"
# Lengths of pieces and how much is read at once: all together, and cut small.
WHOLE = bytes([0, 255])
CUT = bytes([4, 7, 0, 1, 31, 12])


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    features = ["--features", "kms-client,kms-plugin"]
    subprocess.run(["cargo", "build", "--locked", *features, "--examples"], cwd=ROOT, check=True)
    examples = ROOT / "target" / "debug" / "examples"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        go = folder / "interop"
        subprocess.run(["go", "build", "-o", go, "."], cwd=ROOT / "tests" / "interop", check=True)
        plugin = subprocess.Popen([examples / "kms_plugin", folder / "plugin", "60"], stdin=subprocess.DEVNULL)
        try:
            recorder = Recorder(folder / "kms.sock", folder / "plugin")
            for api in ["v1", "v2"]:
                ask_by_go(go, api, recorder.path)
                keep(f"go-{api}", recorder.take())
            subprocess.run([examples / "kms_client", f"unix://{recorder.path}"], check=True)
            keep("hyper-v2", recorder.take())
        finally:
            plugin.kill()
            plugin.wait()
    (CORPUS / "longest").write_bytes(WHOLE + longest())


class Recorder:
    """Hands everything on to the plugin and back, and keeps what goes to the plugin."""

    def __init__(self, path, plugin):
        self.path, self.plugin, self.sent = path, plugin, bytearray()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=self.serve, args=[listener], daemon=True).start()

    def serve(self, listener):
        while True:
            client, _ = listener.accept()
            plugin = self.connect()
            threading.Thread(target=self.copy, args=[client, plugin, self.sent.extend], daemon=True).start()
            threading.Thread(target=self.copy, args=[plugin, client, lambda _: None], daemon=True).start()

    def connect(self):
        for _ in range(100):
            try:
                plugin = socket.socket(socket.AF_UNIX)
                plugin.connect(str(self.plugin))
                return plugin
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the plugin does not listen")

    @staticmethod
    def copy(source, sink, note):
        try:
            while data := source.recv(65536):
                note(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # either side has gone

    def take(self):
        time.sleep(0.2)
        sent, self.sent[:] = bytes(self.sent), b""
        return sent


def ask_by_go(go, api, path):
    """Wraps two DEKs and unwraps them: the second of each refers to headers of the first."""
    with subprocess.Popen([go], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:

        def ask(**request):
            print(json.dumps(request), file=child.stdin, flush=True)
            answer = json.loads(child.stdout.readline())
            assert answer["ok"], answer
            return answer

        handle = ask(op="connect", api=api, text=f"unix://{path}", timeout_ms=10_000)["handle"]
        for byte in [7, 8]:
            dek = base64.b64encode(bytes([byte]) * 32).decode()
            wrapped = ask(op="encrypt", handle=handle, bytes=dek)
            request = {name: wrapped[name] for name in ["bytes", "key_id", "annotations"] if name in wrapped}
            assert ask(op="decrypt", handle=handle, **request)["bytes"] == dek
        ask(op="close", handle=handle)
        child.stdin.close()


def keep(name, sent):
    assert sent.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), name
    (CORPUS / name).write_bytes(WHOLE + sent)
    (CORPUS / f"{name}-cut").write_bytes(CUT + sent)


def longest():
    """A frame of headers as long as any may be, with an authority at its end, and one that is a byte longer."""
    frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    authority = b"\x41\x03%2F"
    for length in [1 << 14, (1 << 14) + 1]:
        path = length - len(authority) - 4
        # A path, not to be indexed, whose length takes three bytes.
        rest = path - 127
        block = bytes([0x04, 0x7F, rest & 0x7F | 0x80, rest >> 7]) + b"%" * path + authority
        assert len(block) == length
        frames += length.to_bytes(3, "big") + bytes([1, 4, 0, 0, 0, 1]) + block
    return frames


if __name__ == "__main__":
    main()
