"""Accounts: making them, their passwords, and their administration."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from authsvc.api.schemas.common import Body, Id, Text
from authsvc.signin.password_rules import LONGEST
from catalog.contract.words import Role

Password = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=LONGEST,
        description="Any characters, 15 or more unless configured otherwise; none of those that a guesser tries first",
    ),
]
Username = Annotated[Text, Field(min_length=1, max_length=256)]
Email = Annotated[Text, Field(min_length=3, max_length=256)]
Token = Annotated[Text, Field(min_length=1, max_length=256)]


class RegisterIn(Body):
    username: Username
    email: Email
    password: Password
    invitation: Token | None = None


class RegisteredOut(BaseModel):
    id: Id
    username: str
    email: str | None
    role: Role


class ResetIn(Body):
    token: Token
    password: Password


class PasswordIn(Body):
    current: Annotated[Text, Field(min_length=1, max_length=LONGEST)]
    new: Password


class AccountsIn(BaseModel):
    q: Annotated[Text, Field(min_length=1, max_length=64)] | None = Field(None, description="A part of the name")
    role: Role | None = None
    is_active: bool | None = None
    cursor: Annotated[Text, Field(max_length=1024)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class AccountOut(BaseModel):
    id: Id
    username: str
    email: str | None
    role: Role
    is_active: bool
    created_at: datetime


class AccountsOut(BaseModel):
    items: list[AccountOut]
    next_cursor: str | None = None


class ResetOut(BaseModel):
    token: str = Field(description="For POST /auth/reset, once; nobody will see it again")
    link: str = Field(description="The page that takes it, to hand to the user")
    expires_at: datetime


class AccountIn(Body):
    username: Username
    email: Email | None = None
    role: Role = "user"
    password: Password | None = Field(None, description="Without one, the answer has a token to choose one with")


class NewAccountOut(AccountOut):
    reset: ResetOut | None = Field(None, description="Only when no password was given")


class AccountChangeIn(Body):
    """Fields that are not there stay as they are."""

    role: Role = "user"
    is_active: bool = True
    email: Email | None = Field(None, description="null takes it away")


class InvitationIn(Body):
    role: Role = "user"
    expires_in: Annotated[int, Field(ge=60, le=366 * 86_400)] | None = Field(None, description="Seconds")
    uses: Annotated[int, Field(ge=1, le=1000)] = 1


class InvitationOut(BaseModel):
    id: Id
    role: Role
    created_at: datetime
    expires_at: datetime
    uses: int
    used: int
    revoked_at: datetime | None


class NewInvitationOut(InvitationOut):
    token: str = Field(description="Nobody will see it again")
    link: str = Field(description="The page that takes it, to send to whom you invite")


class InvitationsOut(BaseModel):
    items: list[InvitationOut]
