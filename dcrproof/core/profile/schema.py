"""The JSON Schema of the profile, for editors (draft 7, without references: taplo reads no later draft).

It shows what holds for each key by itself. What depends on several keys, on files or on the environment is found by
`dcrproof profile check`.
"""

from dataclasses import dataclass, is_dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from dcrproof.core.profile.model import PARTIES, PartySettings, Profile


@dataclass(frozen=True)
class _Described(Profile):
    """A profile with the docstrings of its keys, which pydantic parses the sources for: a run does without."""

    __pydantic_config__ = Profile.__pydantic_config__ | {"use_attribute_docstrings": True}

    every: PartySettings | None = None
    """The keys of every party; pydantic takes the docstrings of a class's own attributes only."""


class _Generator(GenerateJsonSchema):
    """Without what TOML does not have, null, and without titles that repeat the keys."""

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        # pydantic says both by itself from 2.14 on
        closed = {"additionalProperties": False, "description": schema["cls"].__doc__}
        return super().dataclass_schema(schema) | closed

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        shown = schema["default"] not in {None, "", ()} and not is_dataclass(schema["default"])
        return super().default_schema(schema) if shown else self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - as pydantic has it
        return False


def json_schema() -> dict[str, Any]:
    generated = TypeAdapter(_Described).json_schema(schema_generator=_Generator)
    schema = _inlined(generated, generated["$defs"])
    for name in ("$defs", "required", "description"):
        del schema[name]
    tables = schema["properties"]
    del tables["source"]
    for key, shown in tables.pop("every")["properties"].items():
        for name in PARTIES:
            tables[name]["properties"][key]["description"] = shown["description"]
    several = tables["application"]
    tables["application"] = {"description": several["items"]["description"], "anyOf": [several["items"], several]}
    about = {"title": "dcrproof profile", "description": "The target of a run, and what the run may do."}
    return {"$schema": "http://json-schema.org/draft-07/schema#", **about, **schema}


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """A schema without references to definitions, and without the names of the classes."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if reference := node.get("$ref"):
        node = {**definitions[reference.removeprefix("#/$defs/")], **node}
    return {
        key: _inlined(value, definitions)
        for key, value in node.items()
        if key != "$ref" and not (key == "title" and isinstance(value, str))
    }
