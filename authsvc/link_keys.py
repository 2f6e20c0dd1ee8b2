"""The secrets that sign links, to watch by and to upload by; Nginx has the same ones."""

import base64
import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class LinkKeys(BaseModel):
    """The secrets that sign links. Two may be live at once, so that a rotation interrupts no playback."""

    model_config = ConfigDict(hide_input_in_errors=True)

    current: str
    keys: dict[Annotated[str, Field(pattern=r"^[a-z0-9]{1,8}$")], SecretStr]

    @model_validator(mode="after")
    def current_is_there(self) -> "LinkKeys":
        if self.current not in self.keys:
            raise ValueError("`current` names a key that is not in `keys`")
        if any(len(secret.get_secret_value()) < 32 for secret in self.keys.values()):
            raise ValueError("a secret that signs links has at least 32 characters")
        return self

    def mac(self, kid: str, *signed: str) -> str:
        """The MAC that Nginx compares (secure_link): its module dictates MD5 with the secret last.

        It only sifts out junk before the decision is asked for. Raises KeyError for a key that is not live.
        """
        text = "|".join([*signed, self.keys[kid].get_secret_value()])
        digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
