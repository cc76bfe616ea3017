"""`tipring agent`: a desk on a terminal, one line in, a few lines out (step 8).

For trying a site out, for a desk without a window, and as the example of a client of docs/desk-protocol.md. No reactor:
one socket and the keyboard, waited for together. When the link drops it connects again and resumes the session.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

from cti.errors import TipringError

NAME = "agent"
HELP = "a line-mode desk: log in as an agent, see the pop-up (签入、示闲、弹屏)"

WORDS = {
    "ready": ("ready", "示闲", "r"),
    "not_ready": ("notready", "示忙", "n"),
    "wrap_up_done": ("done", "话后完成", "d"),
    "call_ended": ("hangup", "挂机", "h"),
    "still_talking": ("still", "通话中"),
    "state": ("state", "状态", "s"),
    "calls": ("calls", "话单"),
    "message.list": ("messages", "留言"),
    "message.fetch": ("hear", "听留言"),
    "help": ("help", "帮助", "?"),
    "logout": ("quit", "签出", "退出", "q"),
}
"""Method -> what to type for it."""

TEACHES = """\
commands 命令:
  ready     示闲            I take calls (while talking: the call is over, no wrap-up)
  notready  示忙 [REASON]   no calls for me, because ...
  done      话后完成        the work after the call is done
  hangup    挂机            ends the call, or refuses the ringing one; behind a PBX: my word that it is over (when the
                            PBX's record is lost)
  still     通话中          the answer when asked whether the call goes on
  state     状态            my three truths: declared, line, work
  calls     话单 [N]        my last calls
  messages  留言 [N]        messages left for my groups
  hear      听留言 CALL [FILE]  plays the message of a call here (aplay), or writes it into a WAV file
  help      帮助            this
  make 8002, hold, retrieve, consult 8002, transfer, park ...   call control; behind a PBX you are told what to dial on
                            the telephone where only that can do it. docs/desk-protocol.md has all of these verbs
  quit      签出            log out and leave

example 例:
  tipring agent 1001 --extension 8001               to a server on this computer
  tipring agent 1001 --server 192.168.1.10:7710
  tipring agent 1001 -c demo-run/site.yaml           to the server of a site file
  > 示闲
The password is asked for, or read from --password-file, or is the first line where the input is no terminal.
"""

SILENT_S = 45.0
CONNECT_S = 5.0
RETRY_S = (1.0, 2.0, 4.0, 8.0)


class DeskRefused(TipringError):
    """The server does not let this agent in, or is not there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `tipring agent`."""
    parser.epilog = TEACHES
    parser.add_argument("id", nargs="?", metavar="ID", help="the agent's id in the site file")
    parser.add_argument("--agent", metavar="ID", help="the same")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--server", default="127.0.0.1:7710", metavar="HOST:PORT", help="default: %(default)s")
    where.add_argument(
        "-c", "--config", metavar="FILE", help="the server that runs by this site file, on this computer"
    )
    parser.add_argument("--extension", metavar="NUMBER", help="the telephone at which the agent sits today")
    parser.add_argument("--password-file", metavar="FILE", help="its first line is the password")
    parser.add_argument("--ready", action="store_true", help="say ready at once")


def run(args: argparse.Namespace) -> int:
    """Until quit, end of input, or another desk takes over. 0: left; 1: taken over."""
    agent = args.id or args.agent
    if not agent or (args.id and args.agent and args.id != args.agent):
        raise DeskRefused("which agent? tipring agent 1001")
    server = args.server if args.config is None else server_of(args.config)
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise DeskRefused(f"--server {server}: write HOST:PORT, for example 127.0.0.1:7710")
    keyboard = Keyboard(sys.stdin.fileno())
    desk = Desk(agent, read_password(args.password_file, keyboard), args.extension, args.ready, print_lines)
    return Terminal(host, int(port), desk, keyboard).run()


def server_of(site_file: str) -> str:
    """The desk address of the server that runs by a site file."""
    from pathlib import Path

    from cti.operations.control import ask
    from cti.site.config import load_site

    site = load_site(site_file)
    port = site.desk.port or ask(Path(site.state_dir), {"do": "status"})["addresses"]["desk"]
    host = "127.0.0.1" if site.desk.listen in ("0.0.0.0", "::") else site.desk.listen
    return f"{host}:{port}"


def print_lines(*lines: str) -> None:
    """To the terminal at once."""
    print(*lines, sep="\n", flush=True)


def read_password(path: str | None, keyboard: Keyboard) -> str:
    """From the file, the terminal without echo, or the first line of the input."""
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                return file.readline().rstrip("\r\n")
        except OSError as error:
            raise DeskRefused(f"--password-file {path}: {error.strerror}") from error
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("密码 password: ")
    return keyboard.next_line() or ""


def sound_out(sound: bytes, file: str | None) -> str:
    """Writes a WAV into the file, or gives it to a player of this computer, which goes on by itself; in words."""
    import shutil
    import subprocess
    import tempfile

    from cti.recordings.hearing import PLAYERS

    player = next((words for words in PLAYERS if shutil.which(words[0])), None)
    if file is None and player is None:
        return "there is no aplay (package alsa-utils) and no play (sox) here; write hear CALL FILE.wav"
    try:
        if file is not None:
            with open(file, "xb") as out:
                out.write(sound)
            return f"留言已存 written: {file}"
        with tempfile.TemporaryFile() as out:
            out.write(sound)
            out.seek(0)
            subprocess.Popen(
                [*(player or ()), "-t", "wav", "-"], stdin=out, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )  # its own end ends it
        return "播放留言 playing"
    except OSError as error:
        return f"{file or (player or ('',))[0]}: {error.strerror}"


class Keyboard:
    """Lines of a descriptor that is waited for with select."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.ended = False
        self._rest = b""

    def read(self) -> list[str]:
        """The lines that are there; sets ended at the end of input."""
        data = os.read(self.fd, 4096)
        if not data:
            self.ended = True
            data = b"\n" if self._rest else b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode("utf-8", "replace").strip() for line in lines]

    def next_line(self) -> str | None:
        """Wait for one line; None at the end of input."""
        while b"\n" not in self._rest:
            data = os.read(self.fd, 1)
            if not data:
                self.ended = True
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")


class Desk:
    """What the terminal knows: requests under way, the session's token, the call on the screen. No I/O but `show`."""

    def __init__(
        self, agent: str, password: str, extension: str | None, ready: bool, show: Callable[..., object]
    ) -> None:
        self.token: str | None = None
        self.greeted = False  # logged in on this link
        self.leaving = False
        self.taken_over = False
        self._agent, self._password, self._extension, self._ready = agent, password, extension, ready
        self._show = show
        self._number = 0
        self._asked: dict[int, str] = {}
        self._card: dict[str, Any] = {}
        self._state_line = ""  # shown last
        self._sound: bytearray | None = None  # of a message, as far as it has come
        self._sound_file: str | None = None  # where it goes; None: to a player

    @property
    def under_way(self) -> bool:
        """Whether a request is not answered yet."""
        return bool(self._asked)

    def hello(self) -> bytes:
        """The first message of a link."""
        self._asked.clear()
        self._sound = None
        self.greeted = False
        if self.token is not None:
            return self.request("resume", {"token": self.token})
        login = {"agent": self._agent, "password": self._password}
        return self.request("login", login | ({"extension": self._extension} if self._extension else {}))

    def request(self, method: str, params: Mapping[str, object] | None = None) -> bytes:
        """A request as bytes."""
        import msgspec

        self._number += 1
        self._asked[self._number] = method
        message = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}}
        return msgspec.json.encode(message) + b"\n"

    def typed(self, line: str) -> bytes:
        """What the agent typed, as a message (or nothing)."""
        from cti.desk import wire

        word, _, rest = line.strip().partition(" ")
        if not word:
            return b""
        method = next((method for method, words in WORDS.items() if word.lower() in words), None)
        if method == "help":
            self._show(TEACHES)
        elif method is None and word in wire.VERBS:
            return self.request(word, {"to": rest.strip()} if rest.strip() else {})
        elif method is None:
            self._show(f"{word}? 帮助 help:  {'  '.join('/'.join(words[:2]) for words in WORDS.values())}")
        elif method == "not_ready":
            return self.request(method, {"reason": rest.strip()[:64]} if rest.strip() else {})
        elif method == "message.fetch":
            return self._hear(rest.split())
        elif method in ("calls", "message.list"):
            return self.request(method, {"limit": int(rest)} if rest.strip().isdigit() else {})
        else:
            self.leaving = self.leaving or method == "logout"
            return self.request(method)
        return b""

    def _hear(self, words: list[str]) -> bytes:
        """The first piece of a message is asked for."""
        if not 1 <= len(words) <= 2:
            self._show("hear CALL [FILE]: the call as `messages` shows it")
            return b""
        if self._sound is not None:
            self._show("hear: one after the other, please")
            return b""
        self._sound, self._sound_file = bytearray(), words[1] if len(words) > 1 else None
        return self.request("message.fetch", {"call": words[0]})

    def _piece(self, result: dict[str, Any]) -> bytes:
        """The next one is asked for; after the last it is heard, or written."""
        import base64

        from cti.desk import screen

        sound = self._sound if self._sound is not None else bytearray()
        sound += base64.b64decode(result["data"])
        if result["more"]:
            return self.request("message.fetch", {"call": result["call"], "begin": len(sound)})
        self._sound = None
        self._show(screen.clean(sound_out(bytes(sound), self._sound_file)))
        return b""

    def heard(self, line: bytes) -> bytes:
        """One message of the server; returns what is to be sent in return. Raises DeskRefused at a refused log-in."""
        import msgspec

        message: dict[str, Any] = msgspec.json.decode(line)
        if "method" in message:
            self._told(str(message["method"]), message.get("params") or {})
            return b""
        method = self._asked.pop(message.get("id") or 0, "")
        error = message.get("error")
        if error is not None:
            return self._refused(method, error)
        return self._answered(method, message.get("result") or {})

    def _answered(self, method: str, result: dict[str, Any]) -> bytes:
        from cti.desk import screen

        if method in ("login", "resume"):
            first, self.token, self.greeted = self.token is None, result["token"], True
            self._show(f"签入 logged in: {screen.clean(result['agent']['name'])}", screen.state_line(result["state"]))
            if result["popup"] is None:
                self._card = {}
            if first and self._ready:
                return self.request("ready")
        elif method == "calls":
            self._show(*screen.table("话单 calls", result["calls"]))
        elif method == "message.fetch":
            return self._piece(result)
        elif method == "message.list":
            self._show(*screen.table("留言 messages", result["messages"]))
        elif method == "state":
            self._show(screen.state_line(result))
        elif method == "call_ended" and result.get("changed") is False:
            return self.request("hang_up")  # no word ends this call: our own cards switch, or it still rings
        elif result.get("changed") is False:
            self._show("没有变化 nothing changed", screen.state_line(result["state"]))
        return b""

    def _refused(self, method: str, error: dict[str, Any]) -> bytes:
        from cti.desk import screen, wire

        if method == "resume" and error["code"] == wire.UNKNOWN_SESSION:
            self.token = None
            return self.hello()
        text = f"{screen.clean(error['message'])} ({error['code']})"
        if method in ("login", ""):
            after = (error.get("data") or {}).get("retry_after_s")
            raise DeskRefused(text + (f"; try again after {after} s" if after else ""))
        if method == "message.fetch":
            self._sound = None
        self._show(f"{method}: {text}")
        return b""

    def _told(self, method: str, params: dict[str, Any]) -> None:
        from cti.desk import screen

        if method == "popup":
            self._card = params
            self._show("\a" + screen.pop_up(params)[0], *screen.pop_up(params)[1:])
        elif method == "popup.update" and params.get("call") == self._card.get("call"):
            self._card = self._card | params
            self._show(*screen.pop_up(self._card, "弹屏更新 update"))
        elif method == "state":
            line = screen.state_line(params)
            if line != self._state_line:
                self._show(line)
            self._state_line = line
        elif method == "ended":
            self._show(f"--- 结束 ended  {screen.clean(params.get('call'))}  {screen.clean(params.get('reason'))}")
        elif method == "ask":
            self._show(f"没有话单 no call record for {screen.clean(params.get('call'))}: still/通话中, hangup/挂机 ?")
        elif method == "connection":
            self._show(screen.connection_line(params))
        elif method == "verb":
            self._show(screen.verb_line(params))
        elif method == "taken_over":
            self.taken_over = True
            self._show(f"在别处签入 logged in elsewhere: {screen.clean(params.get('address'))}")
        elif method == "message":
            self._show(f"留言 message: {screen.clean(params.get('ani'))} {screen.clean(params.get('seconds'))} s")
        elif method == "alarm":
            mark = "---" if params.get("raised") is False else "!!!"
            self._show(f"{mark} {screen.clean(params.get('what'))}: {screen.clean(params.get('text'))}")


class Terminal:
    """Keyboard and socket, waited for together."""

    def __init__(self, host: str, port: int, desk: Desk, keyboard: Keyboard) -> None:
        self._address = (host, port)
        self._where = f"{host}:{port}"
        self._desk = desk
        self._keyboard = keyboard

    def run(self) -> int:
        """See run() of the module."""
        desk, tries = self._desk, 0
        while True:
            try:
                with socket.create_connection(self._address, CONNECT_S) as link:
                    tries = 0
                    self._talk(link)
                if desk.token is None and not desk.leaving:
                    raise DeskRefused(f"{self._where}: does not answer as a desk server does; is it the desk port?")
            except OSError as error:
                if desk.token is None:
                    raise DeskRefused(
                        f"no desk server at {self._where}: {error.strerror or error}; is `tipring run` there?"
                    ) from error
            if desk.taken_over:
                return 1
            if desk.leaving:
                return 0
            wait_s = RETRY_S[min(tries, len(RETRY_S) - 1)]
            tries += 1
            print_lines(f"连接中断 link lost; again in {wait_s:g} s")
            if self._quit_while_waiting(wait_s):
                return 0

    def _talk(self, link: socket.socket) -> None:
        """Until the link ends, or the agent leaves."""
        desk, keyboard, rest = self._desk, self._keyboard, b""
        link.settimeout(CONNECT_S)
        link.sendall(desk.hello())
        while not desk.taken_over:
            waiting: list[int] = [link.fileno()]
            if desk.greeted and not keyboard.ended:
                waiting.append(keyboard.fd)
            try:
                there, _, _ = select.select(waiting, [], [], SILENT_S)
            except KeyboardInterrupt:
                desk.leaving = True
                link.sendall(desk.request("logout"))
                raise
            if not there:
                return  # three heartbeats are missing
            if keyboard.fd in there:
                for line in keyboard.read():
                    link.sendall(desk.typed(line))
            if desk.greeted and keyboard.ended and not desk.leaving:
                link.sendall(desk.typed("quit"))
            if link.fileno() in there:
                data = link.recv(65536)
                if not data:
                    return
                *messages, rest = (rest + data).split(b"\n")
                for message in messages:
                    try:
                        link.sendall(desk.heard(message))
                    except ValueError as error:  # not JSON
                        raise DeskRefused(f"{self._where}: speaks another language than a desk server") from error
            if desk.leaving and not desk.under_way:
                return

    def _quit_while_waiting(self, seconds: float) -> bool:
        """Wait before the next try; whoever types quit meanwhile, leaves."""
        if self._keyboard.ended:
            return True
        there, _, _ = select.select([self._keyboard.fd], [], [], seconds)
        if not there:
            return False
        typed = [line.partition(" ")[0].lower() for line in self._keyboard.read()]
        return self._keyboard.ended or any(word in WORDS["logout"] for word in typed)
