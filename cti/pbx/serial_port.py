"""A link's opener over a real RS232 device (or a pty in paced runs), by Twisted's SerialPort. Serves steps 4 and 9.

A device that was unplugged may come back under another name: give several, in the order of preference, each a path or a
glob such as /dev/serial/by-id/usb-FTDI*-port0. The first that opens is taken. Two servers on one line would tear
each other's messages, so the device is locked; a locked device counts as one that does not open.

What was received before the device was opened is flushed by Twisted and is lost. The UART checks parity and framing;
what it refuses is NUL. On a pty the settings have no effect: parity arrives as bit 7 (see cti.pbx.parity). (Opened for
the second time it refuses them with EINVAL, since nothing changes; a real line that refuses them cannot be used.)
"""

from __future__ import annotations

import errno
import glob
import os
import termios
from collections.abc import Sequence
from typing import Any, Final

import serial
from twisted.internet.interfaces import IProtocol
from twisted.internet.serialport import SerialPort

from cti.pbx.dialect import SerialSettings
from cti.pbx.link import Opener

_PARITY: Final = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


class _Exclusive(serial.Serial):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "exclusive": True})

    def _reconfigure_port(self, force_update: bool = False) -> None:
        """pyserial's; what the line cannot do is an OSError, on a pty it is nothing."""
        reconfigure: Any = getattr(super(), "_reconfigure_port")  # noqa: B009 - the stubs do not know it
        try:
            reconfigure(force_update)
            self._refuse_damaged()
        except termios.error as error:
            if error.args[0] == errno.EINVAL and os.ttyname(self.fd or 0).startswith("/dev/pts/"):
                return
            settings = f"{self.baudrate} {self.bytesize}{self.parity}{self.stopbits}"
            raise OSError(error.args[0], f"the line does not take {settings}") from error

    def _refuse_damaged(self) -> None:
        """A byte of wrong parity or framing is read as NUL (INPCK without PARMRK and IGNPAR); pyserial reads it as if
        nothing were wrong, and nothing above could tell a damaged digit from another one."""
        fd = self.fd
        assert fd is not None
        settings = termios.tcgetattr(fd)
        settings[0] = settings[0] & ~(termios.PARMRK | termios.IGNPAR) | termios.INPCK
        termios.tcsetattr(fd, termios.TCSANOW, settings)


class LockedSerialPort(SerialPort):
    """A serial port that no second program may open in this way. It calls connectionMade from its constructor."""

    _serialFactory = _Exclusive


def serial_opener(reactor: Any, devices: str | Sequence[str], settings: SerialSettings) -> Opener:
    """An opener that tries the devices in turn. It raises OSError with every device's reason when none opens."""
    patterns = [devices] if isinstance(devices, str) else list(devices)

    def open_port(protocol: IProtocol) -> object:
        reasons = []
        for pattern in patterns:
            paths = sorted(glob.glob(pattern))
            if not paths:
                reasons.append(f"{pattern}: no such device")
            for path in paths:
                try:
                    return LockedSerialPort(protocol, path, reactor, **_keywords(settings))  # type: ignore[no-untyped-call]
                except OSError as error:
                    reasons.append(f"{path}: {error.strerror or error}")
        raise OSError("; ".join(reasons))

    return open_port


def _keywords(settings: SerialSettings) -> dict[str, Any]:
    return {
        "baudrate": settings.baud,
        "bytesize": settings.bits,
        "parity": _PARITY[settings.parity],
        "stopbits": settings.stop,
        "rtscts": settings.rtscts,
    }
