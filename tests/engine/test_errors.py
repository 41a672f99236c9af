"""The error tree: what callers catch, and what the messages hold."""

from __future__ import annotations

import inspect

import pytest

from engine import errors


def test_all_errors_have_one_root() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.AvatarEngineError)


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    tree = inspect.getdoc(errors)
    assert tree is not None
    for name in errors.__all__:
        assert name in tree


@pytest.mark.parametrize("name", ["BadAudio", "BadBundle", "BadOffer", "BadPhoto"])
def test_what_the_caller_can_mend_is_bad_input(name: str) -> None:
    assert issubclass(getattr(errors, name), errors.BadInput)


def test_faults_of_the_installation_are_not_bad_input() -> None:
    assert not issubclass(errors.MissingExtra, errors.BadInput)
    assert not issubclass(errors.ModelMismatch, errors.BadInput)


def test_a_missing_extra_says_how_to_get_it() -> None:
    error = errors.MissingExtra("making an avatar", "export")
    assert error.extra == "export"
    assert "pip install 'avatar-engine[export]'" in str(error)
