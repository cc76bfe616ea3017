"""The serial line over a real pty under our own reactor: unplugged, back by another name, parity, locked."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from cti.pbx.serial_port import LockedSerialPort

SCRIPT = """
import json, os, pty, sys, tty
from cti.reactor import install
reactor = install()
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from cti.pbx.dialect import SerialSettings
from cti.pbx.link import PbxLink
from cti.pbx.serial_port import serial_opener
from cti.pbx.smdi import SmdiDecoder, lamp
from drivers.clock import ReactorClock

folder = sys.argv[1]
settings = SerialSettings(baud=9600, bits=7, parity="even")
opener = serial_opener(reactor, [folder + "/main", folder + "/by-id-*"], settings)
told, items = [], []

def plug(name):
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.symlink(os.ttyname(slave), folder + "/" + name)
    os.set_blocking(master, False)
    return master, slave

def unplug(name, ends):
    os.unlink(folder + "/" + name)
    for end in ends:
        os.close(end)

def parity(data):
    return bytes(b | (0x80 if b.bit_count() % 2 else 0) for b in data)

async def until(what):
    for _ in range(400):
        if what():
            return
        await deferLater(reactor, 0.02, lambda: None)
    raise SystemExit("not within 8 s: " + repr((told, items)))

def alarm(name, raised, text):
    told.append([name, raised])
    reasons.append(text)

def sent(master):
    try:
        got.extend(os.read(master, 4096))
    except BlockingIOError:
        pass
    return bytes(got)

reasons, got = [], bytearray()
link = PbxLink(ReactorClock(reactor), opener, SmdiDecoder(), items.append, alarm, name="smdi")

async def run():
    link.start()  # nothing is plugged in yet
    assert told == [["down", True]], told
    ends = plug("main")
    await until(lambda: link.up)
    os.write(ends[0], parity(b"\\r\\nMD0010007D 3500 \\r\\n\\x19") + b"\\r\\nMD00100")
    await until(lambda: len(items) == 1)
    link.write(lamp("8001", True), "8001")
    await until(lambda: sent(ends[0]) == lamp("8001", True))
    second = []
    other = PbxLink(ReactorClock(reactor), opener, SmdiDecoder(), items.append, lambda *a: second.append(a), name="two")
    other.start()
    assert not other.up and second[0][:2] == ("down", True), second
    other.stop()
    unplug("main", ends)
    await until(lambda: not link.up)
    ends = plug("by-id-2")
    await until(lambda: link.up)
    os.write(ends[0], b"\\r\\nMD0010008N201 202 \\r\\n\\x19")
    await until(lambda: len(items) == 3)
    link.stop()
    await deferLater(reactor, 0.05, lambda: None)
    left = [r for r in reactor.getReaders() if "Serial" in type(r).__name__]
    print(json.dumps({"told": told, "reasons": reasons, "items": [repr(i) for i in items], "left": len(left),
                      "second": second[0][2]}))
    reactor.stop()

def failed(failure):
    failure.printTraceback()
    os._exit(1)

reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run()).addErrback(failed))
reactor.run()
"""


@pytest.mark.paced
def test_a_real_pty(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["told"] == [["down", True], ["down", False], ["down", True], ["down", False]]
    assert "no such device" in result["reasons"][0]
    assert result["items"] == [
        "SmdiCall(desk=1, line=7, reason='D', forwarded_from=None, calling='3500')",
        "SmdiGarbage(count=7, sample=b'MD00100')",
        "SmdiCall(desk=1, line=8, reason='N', forwarded_from='201', calling='202')",
    ]
    assert result["left"] == 0
    assert "lock" in result["second"].lower(), result["second"]


def test_a_pty_can_be_opened_again() -> None:
    """A server that was killed starts again: the pty has the settings already and refuses to take them twice."""
    master, slave = os.openpty()
    path = os.ttyname(slave)
    for _ in range(3):
        port = LockedSerialPort._serialFactory(path, 9600, bytesize=7, parity="E")
        assert port.is_open
        port.close()
    os.close(slave)
    os.close(master)


def test_the_uart_is_asked_to_refuse_damaged_bytes() -> None:
    """pyserial switches the check off; a pty keeps the flag, and has no parity that could be wrong."""
    master, slave = pty.openpty()
    port = LockedSerialPort._serialFactory(os.ttyname(slave), baudrate=9600, bytesize=7, parity="E")
    try:
        for again in range(2):
            flags = termios.tcgetattr(port.fileno())[0]
            assert flags & termios.INPCK and not flags & (termios.IGNPAR | termios.PARMRK)
            if not again:
                port.baudrate = 1200  # the port is configured once more
    finally:
        port.close()
        os.close(master)
        os.close(slave)
