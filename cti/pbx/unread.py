"""Lines of the PBX that no form of its dialect reads: one is damage, several in a row are another PBX. Serves step 9.

After ROW unread lines without a record between them, or more bytes than a line has without an end, an alarm stands that
names the dialect which would read them, or says that the speed may be wrong; a line that is read clears it. The
dialects are tried then, and again each time that four times as many lines have come, since the first ones may have been
a page header.

Limit: the last KEPT unread lines are kept, as much of each as the decoder gives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

from twisted.internet.defer import Deferred

from cti.errors import OutsideError
from cti.outside import Outside
from cti.pbx.dialect import dialect_names
from cti.pbx.fitting import Fit, best_first, fit_of

ROW: Final = 5
KEPT: Final = 40


class UnreadLines:
    """The unread lines since the last record.

    outside: asks, in a thread, which dialects would read them. now: the PBX's time. on_alarm(raised, text).
    """

    def __init__(
        self,
        dialect: str,
        outside: Outside,
        now: Callable[[], datetime],
        on_alarm: Callable[[bool, str], object],
    ) -> None:
        self._dialect = dialect
        self._outside = outside
        self._now = now
        self._on_alarm = on_alarm
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._row = 0
        self._endless = False
        self._ask_at = ROW
        self._asking = False

    def read(self) -> None:
        """A record came."""
        if self._row >= ROW:
            self._on_alarm(False, f"records fit the dialect {self._dialect} again")
        self._row, self._ask_at, self._endless = 0, ROW, False
        self._lines.clear()

    def unread(self, raw: str, *, endless: bool = False) -> None:
        """A line came that fits no form; ``endless``: so many bytes without an end that they are several records."""
        stood = self._row >= ROW
        self._row = max(self._row + 1, ROW if endless else 0)
        self._endless = self._endless or endless
        self._lines.append(raw)
        if self._row < self._ask_at or self._asking:
            return
        if not stood:
            self._on_alarm(True, self._text("which dialect would read them is being looked for"))
        self._ask_at = 4 * self._row
        self._asking = True
        Deferred.fromCoroutine(self._look("".join(line + "\r\n" for line in self._lines).encode("latin-1", "replace")))

    async def _look(self, data: bytes) -> None:
        """Tries the dialects one after the other, and says which reads most."""
        found: list[Fit | None] = []
        try:
            for name in dialect_names():
                if name != self._dialect:
                    found.append(await self._outside.ask(fit_of, name, data, self._now()))
        except OutsideError as error:
            advice = f"the other dialects could not be tried: {error}"
        else:
            advice = self._advice(best_first(found))
        self._asking = False
        if self._row >= ROW:  # else records are read again meanwhile
            self._on_alarm(True, self._text(advice))

    def _advice(self, fits: list[Fit]) -> str:
        if not fits and strange("".join(self._lines)):
            return "no printer sends such signs: are speed and parity right? tipring serial watch, server stopped"
        if not fits:
            return "no dialect that there is reads them: tipring pbx unread --raw >FILE; tipring pbx learn -c SITE FILE"
        also = f"; {fits[1]}" if len(fits) > 1 else ""
        return f"{fits[0]} of the last lines{also}: was the PBX changed? Set pbx.dialect: {fits[0].name}"

    def _text(self, advice: str) -> str:
        what = "bytes without an end" if self._endless else f"{self._row} lines in a row"
        return f"{what} fit no form of the dialect {self._dialect}; {advice}"


def strange(text: str) -> bool:
    """Is a quarter of it, or more, signs that no printer sends? So a UART reads a line of another speed."""
    odd = sum(not " " <= sign <= "~" and sign not in "\r\n\x02\x03" for sign in text)
    return 4 * odd >= len(text)
