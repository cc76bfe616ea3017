"""What the VRU can say: texts in Chinese and English made into WAV files before the first call (steps 5 and 6).

Texts come from three places, later ones first: the catalogue texts.yaml, the flow's own texts, the names of the
site's groups (key group.NAME). Each is spoken by cti.vru.speech into a folder, under a name that is a hash of all
that the sound depends on, so that a changed text is made anew and an unchanged one never. A site's own recording
FOLDER/LANGUAGE/KEY.wav takes precedence, and FOLDER/hold_music.wav over the music of cti.vru.music. During calls
nothing is made: say() only names files.

Disk full or espeak-ng missing while preparing: PromptError says which; nothing half-written stays, since each file is
written under another name first.
"""

from __future__ import annotations

import hashlib
import os
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Final

from cti.conf import checked_yaml
from cti.errors import PromptError
from cti.vru import music, speech
from cti.vru.spoken_numbers import all_words, digit_words, number_words
from drivers import wav
from drivers.items import PlayItem, Sound

LANGUAGES: Final = ("zh", "en")
MUSIC: Final = "hold_music.wav"
Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: something recorded (key, text), or a value to be put in (name, how)."""

    key: str
    text: str = ""
    value: str = ""
    how: str = ""  # "", number, digits


def catalogue() -> dict[str, dict[str, str]]:
    """The texts of texts.yaml."""
    return checked_yaml.check(Path(__file__).with_name("texts.yaml"), dict[str, dict[str, str]])


def pieces(key: str, text: str) -> list[Piece]:
    """A text cut at its {…}. Raises ValueError for braces that do not match or an unknown way of saying a value."""
    parts = list(Formatter().parse(text))
    alone = len(parts) == 1 and parts[0][1] is None
    found: list[Piece] = []
    for index, (literal, name, how, _) in enumerate(parts, 1):
        if any(letter.isalnum() for letter in literal):
            found.append(Piece(key if alone else f"{key}.{index}", literal.strip()))
        if name is not None:
            if how not in ("", "number", "digits") or not name.isidentifier():
                raise ValueError(f"{{{name}:{how}}}: write {{name}}, {{name:number}} or {{name:digits}}")
            found.append(Piece(f"{key}.{index}", value=name, how=how or ""))
    return found


class Prompts:
    """The prompts of a site.

    cache: folder for what is made (made when missing). site_folder: the site's own recordings, or None. texts: the
    flow's. groups: name -> language -> how the group is called. speaker: (text, language) -> 8 kHz samples.
    """

    def __init__(
        self,
        cache: Path,
        *,
        site_folder: Path | None = None,
        texts: Texts | None = None,
        groups: Texts | None = None,
        speaker: speech.Speaker = speech.speak,
    ) -> None:
        self.cache = cache
        self._site = site_folder
        self._speaker = speaker
        self._texts: dict[str, dict[str, list[Piece]]] = {}
        self._music: tuple[Sound, int] | None = None
        self._files: dict[tuple[str, str], str] = {}  # (language, text or key of a piece) -> path
        every = {**catalogue(), **(texts or {}), **{f"group.{name}": said for name, said in (groups or {}).items()}}
        for key, said in every.items():
            try:
                self._texts[key] = {language: pieces(key, text) for language, text in said.items()}
            except ValueError as error:
                raise PromptError(f"prompt {key!r}: {error}") from error

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def prepare(self) -> int:
        """Makes what is missing and looks at every file; returns how many were made. Blocks: not while calls run.

        Raises PromptError: espeak-ng missing or failing, a site's recording of another format, a folder not writable.
        """
        made = 0
        for key, text, language in self._recorded():
            own = self._own(key, language)
            if own is not None:
                self._look_at(own)
                path = own
            else:
                path, new = self._made(text, language)
                made += new
            self._files[language, key] = str(path.resolve())
        self._music = self._prepare_music()
        return made

    def faults(self) -> list[str]:
        """What prepare() would stumble over, all of it, without making anything: for `tipring check`."""
        found: list[str] = []
        to_speak: set[str] = set()
        recorded = [(self._own(key, language), language) for key, _, language in self._recorded()]
        if self._site is not None and (self._site / MUSIC).is_file():
            recorded.append((self._site / MUSIC, ""))
        for own, language in recorded:
            if own is None:
                to_speak.add(language)
                continue
            try:
                self._look_at(own)
            except PromptError as error:
                found.append(str(error))
        for language in sorted(to_speak):
            try:
                self._speaker("1", language)
            except PromptError as error:
                found.append(str(error))
        return list(dict.fromkeys(found))

    def say(self, key: str, language: str, /, **values: str | int) -> list[PlayItem]:
        """The items that say a text in a language (else in another one that it has), with the values put in.

        A {name} takes the key of another text. Raises PromptError for an unknown key, a missing value, or before
        prepare().
        """
        said = self._texts.get(key)
        if not said:
            raise PromptError(f"there is no prompt {key!r}")
        language = language if language in said else next(iter(said))
        items: list[PlayItem] = []
        for piece in said[language]:
            if not piece.value:
                items.append(self._sound(language, piece.key))
                continue
            if piece.value not in values:
                raise PromptError(f"prompt {key!r} needs a value for {piece.value!r}")
            items += self._value(piece.how, values[piece.value], language)
        return items

    def music(self) -> tuple[Sound, int]:
        """What callers hear while they wait, and its length in ms. Raises PromptError before prepare()."""
        if self._music is None:
            raise PromptError("the hold music was not prepared")
        return self._music

    def _value(self, how: str, value: str | int, language: str) -> list[PlayItem]:
        if how == "":
            return self.say(str(value), language)
        words = number_words(int(value), language) if how == "number" else digit_words(str(value), language)
        return [self._sound(language, f"word.{word}") for word in words]

    def _sound(self, language: str, key: str) -> Sound:
        path = self._files.get((language, key))
        if path is None:
            raise PromptError(f"prompt {key!r} in {language} was not prepared")
        return Sound(path)

    def _recorded(self) -> Iterator[tuple[str, str, str]]:
        """Every piece that is a recording: key, text, language."""
        for said in self._texts.values():
            for language, parts in said.items():
                for piece in parts:
                    if not piece.value:
                        yield piece.key, piece.text, language
        for language in LANGUAGES:
            for word in all_words(language):
                yield f"word.{word}", word, language

    def _own(self, key: str, language: str) -> Path | None:
        """The site's own recording of a piece, if there is one."""
        path = self._site / language / f"{key}.wav" if self._site is not None else None
        return path if path is not None and path.is_file() else None

    def _prepare_music(self) -> tuple[Sound, int]:
        path = self._site / MUSIC if self._site is not None else None
        if path is None or not path.is_file():
            path = self.cache / f"hold-music-{music.RECIPE}.wav"
            if not self._is_whole(path):
                self._write(path, music.hold_music())
        return Sound(str(path.resolve()), repeat=True), len(self._look_at(path)) * 1000 // speech.RATE

    def _made(self, text: str, language: str) -> tuple[Path, bool]:
        name = hashlib.sha256(f"{speech.recipe(language)}\n{text}".encode()).hexdigest()[:32]
        path = self.cache / f"{language}-{name}.wav"
        if self._is_whole(path):
            return path, False
        self._write(path, self._speaker(text, language))
        return path, True

    def _is_whole(self, path: Path) -> bool:
        """Whether the cache has it. What a bad disk left of a file is made anew: nobody else could."""
        try:
            return bool(self._look_at(path))
        except PromptError:
            return False

    def _write(self, path: Path, sound: array[int]) -> None:
        """Under its name only when it is on the disk: what a power cut leaves half written is not played for ever."""
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            wav.write(part, [sound])
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(path)
        except OSError as error:
            raise PromptError(f"{path}: cannot be written: {error.strerror}") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _look_at(self, path: Path) -> array[int]:
        try:
            sound = wav.read(path)
        except (wav.WavError, OSError) as error:
            raise PromptError(f"{error}; write it as 8 kHz mono PCM, A-law or u-law") from error
        if len(sound.channels) != 1:
            raise PromptError(f"{path}: {len(sound.channels)} channels; write it with one")
        if not sound.channels[0]:
            raise PromptError(f"{path}: holds no sound")
        return sound.channels[0]


def main(arguments: Iterable[str]) -> int:
    """`python -m cti.vru.prompts FOLDER`: makes the catalogue's prompts at set-up, so that the first start is quick."""
    folder = Path(next(iter(arguments), "prompts"))
    try:
        print(f"{Prompts(folder).prepare()} prompts made in {folder}")
    except PromptError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
