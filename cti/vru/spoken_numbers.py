"""Numbers as a row of spoken words, each of which is one recorded piece (steps 5 and 6).

Chinese counts people: two is 两 before a measure word, 百 and 千, but 二 within a number. Plain functions, no sound.
"""

from __future__ import annotations

from typing import Final

ZH_DIGITS: Final = "零一二三四五六七八九"
EN_SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
EN_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
KEYS: Final = {"zh": {"*": "星号", "#": "井号"}, "en": {"*": "star", "#": "hash"}}
LARGEST: Final = 9999


def number_words(number: int, language: str) -> list[str]:
    """A count from 0 to 9999 in words; a larger one is said as 9999, a negative one as 0."""
    number = min(max(number, 0), LARGEST)
    return _chinese(number) if language == "zh" else _english(number)


def digit_words(digits: str, language: str) -> list[str]:
    """Keys of a telephone one by one: 0-9, * and #. Anything else is left out."""
    plain = ZH_DIGITS if language == "zh" else EN_SMALL
    names = KEYS["zh" if language == "zh" else "en"]
    return [plain[int(key)] if key in "0123456789" else names[key] for key in digits if key in "0123456789*#"]


def all_words(language: str) -> list[str]:
    """Every word that the two functions may ask for."""
    if language == "zh":
        return [*ZH_DIGITS, "两", "十", "百", "千", *KEYS["zh"].values()]
    return [*EN_SMALL, *EN_TENS, "hundred", "thousand", "and", *KEYS["en"].values()]


def _chinese(number: int) -> list[str]:
    if number == 2:
        return ["两"]
    if number < 10:
        return [ZH_DIGITS[number]]
    words: list[str] = []
    zero = False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit == 0:
            zero = bool(words)
            continue
        if zero:
            words.append("零")
            zero = False
        if not (unit == 10 and digit == 1 and not words):
            words.append("两" if digit == 2 and unit >= 100 else ZH_DIGITS[digit])
        if name:
            words.append(name)
    return words


def _english(number: int) -> list[str]:
    words: list[str] = []
    if number >= 1000:
        words += [EN_SMALL[number // 1000], "thousand"]
    if number % 1000 >= 100:
        words += [EN_SMALL[number // 100 % 10], "hundred"]
    rest = number % 100
    if rest and words:
        words.append("and")
    if rest >= 20:
        words.append(EN_TENS[rest // 10 - 2])
        rest %= 10
        if not rest:
            return words
    return [*words, EN_SMALL[rest]] if rest or not words else words
