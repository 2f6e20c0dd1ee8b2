"""Signing in."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Body, Device, Id, Text


class SignInIn(Body):
    """What every way to sign in takes."""

    device: Device = ""
    cookies: bool = Field(False, description="Answer with cookies instead of tokens; browsers always get cookies")
    known_device_token: Annotated[Text, Field(max_length=1024)] | None = Field(
        None, description="From an earlier answer: strangers who guess this password can't lock this device out"
    )
    replace: Id | None = Field(None, description="A session of yours that ends in the same step")


class LoginIn(SignInIn):
    username: Annotated[Text, Field(min_length=1, max_length=256)]
    password: Annotated[Text, Field(min_length=1, max_length=1024)]


class GuestIn(Body):
    device: Device = ""
    cookies: bool = Field(False, description="Answer with cookies instead of tokens; browsers always get cookies")


class WaysOut(BaseModel):
    guests: bool = Field(description="May anybody look around without an account?")
    registration: Literal["open", "invitation", "closed"]
    password_shortest: int = Field(description="Characters that a new password has at least")
    passkeys_at: str | None = Field(description="The host name that passkeys are made for; null: none can be")


class RefreshIn(Body):
    refresh_token: Annotated[Text, Field(max_length=256)] | None = None


class UserOut(BaseModel):
    id: Id
    username: str
    role: str


class SessionOut(BaseModel):
    access_token: str | None = Field(None, description="Not there in cookie mode")
    token_type: Literal["Bearer"] | None = None
    expires_in: int = Field(description="Seconds until the access token or cookie expires")
    refresh_token: str | None = Field(None, description="For one use; not there in cookie mode")
    session_id: Id
    known_device_token: str | None = Field(None, description="To keep for the next sign-in; not there in cookie mode")
    user: UserOut
