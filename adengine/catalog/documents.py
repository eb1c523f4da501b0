"""Reading documents: one way for forms, JSON, CSV and the command line, with every mistake at once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from marshmallow import Schema, ValidationError, missing
from marshmallow.experimental.context import Context

from adengine.catalog.fields import Strict
from adengine.catalog.known import Known
from adengine.errors import Invalid, Mistake
from adengine.web.mistakes import mistakes_of, pointer_to


class Document(Strict):
    """What may be sent for one noun."""

    fixed: tuple[str, ...] = ()
    """Fields that stay as they were created: counts and bills hang on them."""

    def judge(self, given: Mapping[str, Any], current: Mapping[str, Any] | None) -> list[Mistake]:  # noqa: ARG002
        """What is wrong between fields.

        given: the sent fields that are right in themselves.  current: for a change, the values that stand.
        """
        return []


def patch_form(form: type[Document]) -> type[Schema]:
    """A form as changes are documented: nothing is required and nothing filled in."""
    loose = {name: deepcopy(field) for name, field in form._declared_fields.items()}
    for field in loose.values():
        field.required, field.load_default = False, missing
    return Strict.from_dict(loose, name=form.__name__.removesuffix("In") + "Patch")


def read(schema: Document, document: Any, known: Known, current: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The values in `document`, ready to be stored; raises `Invalid` with all mistakes.

    current: for a change, the values that stand; what the document leaves out is left out of the answer too.
    """
    with Context(known):
        given, messages = _loaded(schema, document, partial=tuple(schema.fields) if current is not None else None)
        mistakes = mistakes_of(messages, location="json")
        if current is not None:
            mistakes += [
                Mistake(pointer_to(name), f"cannot be changed once created; archive this and create another {name}")
                for name in schema.fixed
                if name in given and given[name] != current[name]
            ]
        mistakes += schema.judge(given, current)
    if mistakes:
        raise Invalid(mistakes)
    return given


def _loaded(schema: Document, document: Any, partial: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that are right in themselves, and marshmallow's messages about the others."""
    try:
        return schema.load(document, partial=partial), {}
    except ValidationError as error:
        messages: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        valid = error.valid_data if isinstance(error.valid_data, dict) else {}
        return {name: value for name, value in valid.items() if name not in messages}, messages
