"""Prompts: spoken words, cached by content, a site's own recordings first, the right level, clear faults."""

from __future__ import annotations

import hashlib
import subprocess
from array import array
from pathlib import Path

import pytest

from cti.errors import PromptError
from cti.vru import speech
from cti.vru.prompts import Prompts, catalogue, pieces
from cti.vru.spoken_numbers import all_words, digit_words, number_words
from drivers import wav
from drivers.items import Sound

from .conftest import murmur


def names(prompts: Prompts, text: str, language: str, /, **values: str | int) -> list[str]:
    known = {path: name for (_, name), path in prompts._files.items()}
    return [known[str(item.path)] for item in prompts.say(text, language, **values) if isinstance(item, Sound)]


@pytest.mark.parametrize(
    ("number", "zh", "en"),
    [
        (0, "零", "zero"),
        (2, "两", "two"),
        (10, "十", "ten"),
        (12, "十二", "twelve"),
        (20, "二十", "twenty"),
        (22, "二十二", "twenty two"),
        (100, "一百", "one hundred"),
        (105, "一百零五", "one hundred and five"),
        (110, "一百一十", "one hundred and ten"),
        (222, "两百二十二", "two hundred and twenty two"),
        (1000, "一千", "one thousand"),
        (1005, "一千零五", "one thousand and five"),
        (2050, "两千零五十", "two thousand and fifty"),
        (9999, "九千九百九十九", "nine thousand nine hundred and ninety nine"),
        (12345, "九千九百九十九", "nine thousand nine hundred and ninety nine"),
        (-1, "零", "zero"),
    ],
)
def test_numbers(number: int, zh: str, en: str) -> None:
    assert "".join(number_words(number, "zh")) == zh
    assert " ".join(number_words(number, "en")) == en


def test_every_word_that_is_asked_for_is_recorded() -> None:
    for language in ("zh", "en"):
        known = set(all_words(language))
        for number in range(10000):
            assert known.issuperset(number_words(number, language))
        assert known.issuperset(digit_words("0123456789*#", language))
    assert digit_words("1*#x", "zh") == ["一", "星号", "井号"]


def test_every_text_has_both_languages_and_whole_braces() -> None:
    for key, said in catalogue().items():
        assert set(said) == {"zh", "en"}, key
        values = [{(piece.value, piece.how) for piece in pieces(key, text) if piece.value} for text in said.values()]
        assert values[0] == values[1], key


def test_a_text_is_said_in_pieces(murmured: Prompts) -> None:
    assert names(murmured, "greeting", "en") == ["greeting"]
    assert names(murmured, "place", "zh", ahead=12) == ["place.1", "word.十", "word.二", "place.2"]
    assert names(murmured, "menu_entry", "en", group="group.sales", key="1") == [
        "menu_entry.1",
        "group.sales",
        "menu_entry.2",
        "word.one",
    ]


def test_what_cannot_be_said(murmured: Prompts) -> None:
    with pytest.raises(PromptError, match="no prompt 'nonsense'"):
        murmured.say("nonsense", "zh")
    with pytest.raises(PromptError, match="needs a value for 'ahead'"):
        murmured.say("place", "zh")
    with pytest.raises(PromptError, match=r"group\.nobody"):
        murmured.say("menu_entry", "zh", group="group.nobody", key="1")
    with pytest.raises(PromptError, match=r"write \{name\}"):
        Prompts(Path("x"), texts={"odd": {"zh": "{a:words}"}})


def test_only_what_changed_is_made_again(tmp_path: Path) -> None:
    made: list[str] = []

    def speaker(text: str, language: str) -> array[int]:
        made.append(text)
        return murmur(text, language)

    assert Prompts(tmp_path, speaker=speaker).prepare() == len(made) > 80
    made.clear()
    assert Prompts(tmp_path, speaker=speaker).prepare() == 0
    changed = Prompts(tmp_path, texts={"greeting": {"zh": "欢迎", "en": "Welcome."}}, speaker=speaker)
    assert changed.prepare() == 2
    assert made == ["欢迎", "Welcome."]
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("left", [b"", b"RIFF", b"RIFF\x10\0\0\0WAVEfmt "])
def test_what_a_bad_disk_left_of_the_cache_is_made_anew(tmp_path: Path, left: bytes) -> None:
    Prompts(tmp_path, speaker=murmur).prepare()
    made = sorted(tmp_path.glob("*.wav"))
    whole = [path.read_bytes() for path in made]
    music = next(path for path in made if path.name.startswith("hold-music"))
    for path in (made[0], music):
        path.write_bytes(left)
    Prompts(tmp_path, speaker=murmur).prepare()
    assert [path.read_bytes() for path in made] == whole


def test_before_preparing_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="not prepared"):
        Prompts(tmp_path, speaker=murmur).say("greeting", "zh")


def test_a_language_that_a_text_has_not(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path, texts={"only": {"zh": "只有中文"}}, speaker=murmur)
    prompts.prepare()
    assert prompts.say("only", "en") == prompts.say("only", "zh")


def test_the_sites_own_recordings_come_first(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "zh").mkdir(parents=True)
    wav.write(own / "zh" / "greeting.wav", [array("h", [1] * 800)])
    wav.write(own / "zh" / "word.三.wav", [array("h", [2] * 800)])
    prompts = Prompts(tmp_path / "cache", site_folder=own, speaker=murmur)
    prompts.prepare()
    assert prompts.say("greeting", "zh") == [Sound(str((own / "zh" / "greeting.wav").resolve()))]
    assert prompts.say("greeting", "en") != prompts.say("greeting", "zh")
    assert str(own) in str(prompts.say("place", "zh", ahead=3)[1])


@pytest.mark.parametrize("what", ["rate", "stereo", "text"])
def test_a_recording_of_another_format(tmp_path: Path, what: str) -> None:
    (tmp_path / "zh").mkdir()
    path = tmp_path / "zh" / "greeting.wav"
    if what == "text":
        path.write_text("hello")
    elif what == "stereo":
        wav.write(path, [array("h", [0] * 80), array("h", [0] * 80)])
    else:
        wav.write(path, [array("h", [0] * 80)])
        data = bytearray(path.read_bytes())
        data[24:28] = (44100).to_bytes(4, "little")
        path.write_bytes(data)
    prompts = Prompts(tmp_path / "cache", site_folder=tmp_path, speaker=murmur)
    with pytest.raises(PromptError, match=r"greeting\.wav"):
        prompts.prepare()
    (tmp_path / "zh" / "goodbye.wav").write_text("x")
    assert [fault.count(".wav") for fault in prompts.faults()] == [1, 1]
    assert Prompts(tmp_path / "cache", speaker=murmur).faults() == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PromptError, match="cannot be written"):
        Prompts(tmp_path / "file" / "cache", speaker=murmur).prepare()


def test_espeak_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speech._program.cache_clear()
    speech._version.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        with pytest.raises(PromptError, match="apt-get install espeak-ng"):
            Prompts(tmp_path / "cache").prepare()
        (fault,) = Prompts(tmp_path / "cache").faults()
        assert "apt-get install espeak-ng" in fault
    finally:
        speech._program.cache_clear()
        speech._version.cache_clear()


@pytest.mark.parametrize(("text", "language"), [("您好，欢迎致电。", "zh"), ("Please hold.", "en"), ("三", "zh")])
def test_the_same_speech_at_the_same_level_every_time(text: str, language: str) -> None:
    sound = speech.speak(text, language)
    assert sound == speech.speak(text, language)
    assert abs(speech.active_level_dbm0(sound) + 16.0) < 0.1
    assert 0.15 < len(sound) / 8000 < 4.0
    assert max(abs(sample) for sample in sound) < 32700


def test_chinese_is_not_spelled_in_english() -> None:
    voice, _ = speech.VOICES["zh"]
    said = subprocess.run(["espeak-ng", "-v", voice, "-q", "-x", "您好"], capture_output=True, text=True, check=True)
    assert "(en)" not in said.stdout


def test_the_conversion_passes_speech_and_stops_what_would_alias() -> None:
    import math

    def level_after(hertz: float) -> float:
        wide = array("h", [round(10000 * math.sin(2 * math.pi * hertz * n / 22050)) for n in range(11025)])
        narrow = speech.to_8000_hz(wide)[200:-200]
        return 10 * math.log10(sum(x * x for x in narrow) / len(narrow) / 5e7 + 1e-12)

    for hertz in (300, 1000, 2000, 3000):
        assert abs(level_after(hertz)) < 0.3
    for hertz in (4700, 6000, 9000):
        assert level_after(hertz) < -35


def test_hold_music_is_no_signal_and_a_site_has_its_own(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path / "cache", site_folder=tmp_path, speaker=murmur)
    with pytest.raises(PromptError, match="not prepared"):
        prompts.music()
    prompts.prepare()
    sound, ms = prompts.music()
    (samples,) = wav.read(sound.path).channels
    assert sound.repeat and ms == len(samples) // 8
    assert hashlib.sha256(samples.tobytes()).hexdigest().startswith("171bdbc7ab34")  # the same on every machine
    wav.write(tmp_path / "hold_music.wav", [samples[:8000]])
    prompts.prepare()
    assert prompts.music() == (Sound(str(tmp_path / "hold_music.wav"), repeat=True), 1000)
    wav.write(tmp_path / "hold_music.wav", [samples[:8000], samples[:8000]])
    assert "write it with one" in prompts.faults()[0]
