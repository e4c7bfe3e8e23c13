"""Which passwords are taken, and how they are kept."""

import asyncio

import pytest

from server.kit.errors import Problem
from server.security.passwords import check_password, hash_password, normalised, verify_password

EMAIL = "ada.lovelace@example.com"


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "Zwölf Boxkämpfer jagen Viktor", "tQ9#vm2LpX0&d", "пароль из четырёх слов"]
)
def test_a_good_password_is_taken(password: str):
    assert check_password(password, EMAIL)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "elevenchars",
        "aaaaaaaaaaaaaaaa",
        "password1234",
        "Password123!",
        "123456789012",
        "qwertyuiop12",
        "iloveyou1234",
        "abababababab",
        "abcdefghijklmn",
        "ada.lovelace@example.com",
        "ADA.LOVELACE@EXAMPLE.COM",
        "ada.lovelace1",
        "welcome12345",
        "letmein12345",
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str):
    with pytest.raises(Problem) as caught:
        check_password(password, EMAIL)
    assert caught.value.status == 422
    assert "password" in caught.value.fields


def test_a_password_too_long_to_hash_is_refused_before_it_is_hashed():
    with pytest.raises(Problem):
        normalised("x" * 257)


def test_the_same_letters_from_another_keyboard_are_the_same_password():
    assert normalised("e\u0301tudes de la lune") == normalised("\u00e9tudes de la lune")


async def test_a_hash_fits_its_password_only():
    stored = await hash_password("correct horse battery staple")
    assert stored.startswith("$argon2id$")
    assert await verify_password(stored, "correct horse battery staple")
    assert not await verify_password(stored, "correct horse battery stable")


@pytest.mark.parametrize("stored", [None, "", "not a hash"])
async def test_nothing_fits_a_member_without_a_password(stored: str | None):
    assert not await verify_password(stored, "nobody has this password")


async def test_a_flood_of_hashes_is_turned_away_and_the_rest_is_answered():
    answers = await asyncio.gather(*(verify_password(None, "x") for _ in range(60)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Problem)]
    assert {problem.status for problem in refused} == {503}
    assert answers.count(False) == 40
