"""A serial device opened raw, for watching: 8N1 at some speed, errors marked (PARMRK), nothing sent, nothing changed by
the terminal driver. Only one program may have it (TIOCEXCL)."""

from __future__ import annotations

import fcntl
import os
import termios
from typing import Any

MARKED = termios.PARMRK | termios.INPCK


class RawTty:
    """A device that is read. Raises OSError as open(2) and tcsetattr(3) do."""

    def __init__(self, path: str, baud: int) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            if not os.isatty(self.fd):
                raise OSError(25, "not a serial device")
            fcntl.ioctl(self.fd, termios.TIOCEXCL)
            self.set_speed(baud)
        except BaseException:
            os.close(self.fd)
            raise

    @property
    def has_speed(self) -> bool:
        """False for a pseudo-terminal: bytes come at whatever speed they are written."""
        return not os.ttyname(self.fd).startswith("/dev/pts/")

    def set_speed(self, baud: int) -> None:
        """8N1 at this speed, receiver on, modem lines ignored; DTR and RTS stay up, as a printer's would."""
        speed = getattr(termios, f"B{baud}")
        settings: list[Any] = termios.tcgetattr(self.fd)
        settings[0] = MARKED
        settings[1] = 0
        settings[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        settings[3] = 0
        settings[4] = settings[5] = speed
        settings[6][termios.VMIN], settings[6][termios.VTIME] = 1, 0
        try:
            termios.tcsetattr(self.fd, termios.TCSAFLUSH, settings)
        except termios.error as error:
            if self.has_speed:
                raise OSError(error.args[0], f"the line does not take {baud} Bd") from error

    def read(self) -> bytes:
        """What has come; b"" for nothing. Raises OSError when the device is gone."""
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError(5, "the device is gone (unplugged?)")
        return data

    def close(self) -> None:
        """Gives the device back."""
        os.close(self.fd)
