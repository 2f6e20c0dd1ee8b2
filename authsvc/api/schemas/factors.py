"""Second factors."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from authsvc.api.schemas.auth import SignInIn
from authsvc.api.schemas.common import Body, Id, Line, Qr, Text

# Not of Text: a pattern that comes after a check of ours is not in the document.
Code = Annotated[str, Field(pattern="^[0-9]{6}$", description="Of the authenticator app")]
RecoveryCode = Annotated[Text, Field(max_length=64, description="One of the ten; case and dashes do not matter")]
ChallengeId = Annotated[Text, Field(min_length=1, max_length=64)]
# The shape is the browser's (PublicKeyCredential.toJSON); what is in it is verified, not described.
Credential = Annotated[dict[str, Any], Field(description="The browser's PublicKeyCredential as JSON")]


class SecondFactorIn(SignInIn):
    challenge: ChallengeId
    code: Code | None = None
    recovery_code: RecoveryCode | None = None
    passkey: Credential | None = None


class PasskeySignInIn(SignInIn):
    challenge: ChallengeId
    passkey: Credential


class CeremonyOut(BaseModel):
    challenge: str = Field(description="To be sent back with the authenticator's answer, within minutes, once")
    options: dict[str, Any] = Field(description="For navigator.credentials, as JSON")


class ProofIn(Body):
    password: Annotated[Text, Field(min_length=1, max_length=1024)] | None = None
    code: Code | None = None
    recovery_code: RecoveryCode | None = None


class TotpOut(BaseModel):
    secret: str = Field(description="Base32, to be typed into an authenticator app")
    uri: str = Field(description="The same as otpauth: that apps open")
    qr: Qr


class TotpIn(Body):
    code: Code


class PasskeyIn(Body):
    challenge: ChallengeId
    passkey: Credential
    name: Annotated[Line, Field(min_length=1, max_length=100, description="A name that you recognise it by")]


class RecoveryCodesOut(BaseModel):
    recovery_codes: list[str] = Field(description="Shown this once; empty when you have some already")


class PasskeyAddedOut(RecoveryCodesOut):
    id: Id


class PasskeyOut(BaseModel):
    id: Id
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


class FactorsOut(BaseModel):
    totp: bool
    passkeys: list[PasskeyOut]
    recovery_codes_left: int
