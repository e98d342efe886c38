"""The other end of azr-executor's pipes for guest.py: frames, as src/executor/protocol.ts writes and reads them, a request at a time."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RUN, PARSE, ANALYSE = 1, 2, 3
OUTCOMES = ("ok", "compile-error", "runtime-error", "time-limit", "memory-limit", "output-limit", "unrepresentable", "violation", "bad-request",
            "sandbox-error")
# An emulated processor is some thirty times as slow as a real one, on a busy machine more.
LIMITS = {"cpuMs": 40_000, "wallMs": 120_000, "memoryBytes": 256 << 20, "outputBytes": 64 << 10, "sourceBytes": 64 << 10}


def text(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def order_of_variant(count, variant, program):
    """As src/executor/order-inputs.ts draws it."""
    order = list(range(count))
    drawn, used = hashlib.sha256(f"{variant}:{program}".encode()).digest(), 0
    for last in range(count - 1, 0, -1):
        if used == len(drawn):
            drawn, used = hashlib.sha256(drawn).digest(), 0
        other = int.from_bytes(drawn[used:used + 4], "little") % last
        used += 4
        order[last], order[other] = order[other], order[last]
    return order


class Executor:
    """One azr-executor with one worker; a request at a time."""

    def __init__(self, user):
        who = {"user": user, "group": user, "extra_groups": []} if user else {}
        command = [f"{HERE}/azr-executor", "--python", sys.executable, "--zygote", f"{HERE}/azr-zygote.so", "--workers", "1"]
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", **who)
        self.number = 0
        payload = self.receive(0)
        self.hello = json.loads(payload[4:])
        self.seconds = time.monotonic() - began

    def receive(self, number):
        header = self.process.stdout.read(9)
        if len(header) < 9:
            raise SystemExit("azr-executor ended")
        length, seen, _ = struct.unpack("<IIB", header)
        payload = self.process.stdout.read(length - 5)
        assert seen == number, (seen, number)
        return payload

    def ask(self, kind, payload):
        self.number += 1
        self.process.stdin.write(struct.pack("<IIB", len(payload) + 5, self.number, kind) + payload)
        self.process.stdin.flush()
        return self.receive(self.number)

    def run(self, program, inputs, variant=0, one_fork=False, limits=LIMITS):
        """Triples (outcome, value, error), one an input."""
        payload = struct.pack("<BBIIQI", variant, one_fork, limits["cpuMs"], limits["wallMs"], limits["memoryBytes"], limits["outputBytes"])
        payload += text(program) + struct.pack("<I", len(inputs)) + b"".join(map(text, inputs))
        reply = self.ask(RUN, payload)
        at, runs = 4, []
        for _ in range(struct.unpack_from("<I", reply)[0]):
            outcome = OUTCOMES[reply[at]]
            at += 9
            texts = []
            for _ in range(3):
                size = struct.unpack_from("<I", reply, at)[0]
                at += 4 + size
                texts.append(reply[at - size:at].decode())
            runs.append((outcome, texts[0], texts[1]))
            self.message = texts[2]
        return runs

    def read(self, kind, payload):
        """The answer to a parse or an analysis, as (outcome, text, "")."""
        reply = self.ask(kind, payload)
        outcome, self.message = ("bad-request", "ok", "sandbox-error")[reply[0]], reply[5:].decode()
        if kind == ANALYSE and outcome == "ok" and not json.loads(self.message)["ok"]:
            outcome = "bad-request"
        return outcome, self.message if outcome == "ok" else "", ""

    def deterministic(self, program, inputs, first, variants):
        """What open.ts decides: every variant, in an order of its own, gives the same values; in one fork, but the second variant in two."""
        for variant in range(1, variants + 1):
            order = order_of_variant(len(inputs), variant, program)
            half = (len(order) + 1) // 2 if variant == 2 else len(order)
            for places in filter(None, (order[:half], order[half:])):
                runs = self.run(program, [inputs[at] for at in places], variant, True)
                if [run[:2] for run in runs] != [("ok", first[at][1]) for at in places]:
                    return False
        return True

    def close(self):
        self.process.stdin.close()
        return self.process.wait(60)
