"""The base of all configuration: immutable, unknown keys refused, with a content hash.

Belongs here: what every settings model shares. Does not belong here: a setting.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, create_model

from step3_assets.plugins.setting import Setting


class Frozen(BaseModel):
    """Base of all configuration: immutable, unknown keys rejected.

    A refused value is never repeated in the error: it may hold a secret.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def content_hash(self) -> str:
        """SHA-256 over the canonical JSON of the settings, first 16 hex digits."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Composed(Frozen):
    """Base of a model whose settings are declared by plugins."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def composed(name: str, settings: Mapping[str, Setting]) -> type[Composed]:
    """A model with one field for each setting."""
    named: dict[str, Any] = {
        key: (setting.kind, setting.field) for key, setting in settings.items()
    }
    return create_model(name, __base__=Composed, __module__=__name__, **named)
