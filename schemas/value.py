"""The base of every canonical value: frozen, compared by content, tolerant of newer fields."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen canonical value.

    Unknown fields are ignored, because a newer minor version may add some. The signed bytes are
    kept, not this object (wire contract, version 1).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=False)

    def to_json(self) -> bytes:
        """UTF-8 JSON without the fields that have their default."""
        serializer = self.__pydantic_serializer__
        return serializer.to_json(self, exclude_defaults=True, by_alias=True)
