"""Frozen dataclasses to TOML tables and back: strict about names and types, and helpful about both."""

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from anlage.errors import RecipeError, UnknownName

T = TypeVar("T")

Kinds = Mapping[str, type]
"""Closed table from the word after ``kind =`` to a class. It serves TOML only; Python users pass objects."""


def from_table(cls: type[T], table: Mapping[str, object], where: str, kinds: Mapping[type, Kinds]) -> T:
    """An instance of the dataclass ``cls`` from a TOML table.

    ``kinds`` names, for each protocol, the classes a table may choose from; ``where`` is the path shown in messages.
    Raises ``UnknownName`` for a key that ``cls`` does not have, ``RecipeError`` for a missing key or a value of another type.
    """
    hints = get_type_hints(cls)
    known = {f.name: f for f in fields(cast(Any, cls)) if f.init}
    for key in table:
        if key not in known:
            raise UnknownName(f"key of {where}", key, known)
    values = {}
    for name, field in known.items():
        if name in table:
            values[name] = _value(hints[name], table[name], f"{where}.{name}", kinds)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise RecipeError(f"{where} has no {name!r}, which it needs; add it.")
    return cls(**values)


def to_table(instance: object, kinds: Mapping[type, Kinds], *, defaults: bool = True) -> dict[str, object]:
    """The TOML table of a dataclass instance; the inverse of ``from_table``.

    Without ``defaults``, fields that have their default value are left out, so that the table stays the same when a class gets
    another field that by default changes nothing. Where a default was changed since, ``first`` in the field's metadata is the old
    one, and that is left out: what was written before keeps its table, and the new default is another value.
    """
    word = {cls: word for table in kinds.values() for word, cls in table.items()}
    hints = get_type_hints(type(instance))
    table: dict[str, object] = {"kind": word[type(instance)]} if type(instance) in word else {}
    for field in fields(cast(Any, instance)):
        value = getattr(instance, field.name)
        if not defaults and value == field.metadata.get("first", _default(field)):
            continue
        # Python users may write 1 for 1.0; both are the same recipe, and must be the same text.
        table[field.name] = float(value) if hints[field.name] is float else _plain(value, kinds, defaults)
    return table


def _default(field: Field[Any]) -> object:
    """The value that a field has when none is given; ``MISSING`` where one must be."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _plain(value: object, kinds: Mapping[type, Kinds], defaults: bool) -> object:
    if is_dataclass(value):
        return to_table(value, kinds, defaults=defaults)
    return [_plain(item, kinds, defaults) for item in value] if isinstance(value, tuple) else value


def _value(hint: Any, given: object, where: str, kinds: Mapping[type, Kinds]) -> object:
    """``given`` as a value of type ``hint``."""
    if hint in kinds:
        return _chosen(kinds[hint], given, where, kinds)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        raise TypeError(f"{where}: tables cannot express the type {hint}")  # an error of ours, not of the user
    if origin is tuple:
        single = isinstance(given, str) or (get_args(hint)[0] is float and isinstance(given, (int, float)))
        items = [given] if single else given
        if not isinstance(items, list):
            raise RecipeError(f"{where} is {given!r}, but must be a list.")
        return tuple(_value(get_args(hint)[0], item, where, kinds) for item in items)
    if origin is Literal:
        if given not in get_args(hint):
            raise UnknownName(f"value of {where}", str(given), get_args(hint))
        return given
    if is_dataclass(hint):
        if not isinstance(given, dict):
            raise RecipeError(f"{where} is {given!r}, but must be a table.")
        return from_table(cast(type, hint), given, where, kinds)
    if hint is float and isinstance(given, int) and not isinstance(given, bool):
        return float(given)
    if type(given) is not hint:
        raise RecipeError(f"{where} is {given!r}, but must be of type {hint.__name__}.")
    return given


def _chosen(choices: Kinds, given: object, where: str, kinds: Mapping[type, Kinds]) -> object:
    """An object of the kind that a table, or a bare word, asks for."""
    table = {"kind": given} if isinstance(given, str) else given
    if not isinstance(table, dict) or not isinstance(table.get("kind"), str):
        raise RecipeError(
            f"{where} must be one of {', '.join(sorted(choices))}, as a word or as a table with a key 'kind'."
        )
    kind = cast(str, table["kind"])
    if kind not in choices:
        raise UnknownName(f"kind of {where}", kind, choices)
    return from_table(choices[kind], {k: v for k, v in table.items() if k != "kind"}, where, kinds)


def toml(table: Mapping[str, object], path: tuple[str, ...] = ()) -> str:
    """TOML text of nested tables of strings, numbers, booleans and lists."""
    lines = [f"{_key(key)} = {_literal(value)}" for key, value in table.items() if not isinstance(value, dict)]
    if path:
        lines.insert(0, f"\n[{'.'.join(path)}]")
    parts = [toml(value, (*path, key)) for key, value in table.items() if isinstance(value, dict)]
    return "\n".join(lines) + "\n" + "".join(parts)


def _key(key: str) -> str:
    """A key as it is written: bare, or quoted where it holds more than TOML allows."""
    return key if all(c.isascii() and (c.isalnum() or c in "-_") for c in key) else _literal(key)


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_literal(v)}" for k, v in value.items()) + " }"
    return repr(value)
