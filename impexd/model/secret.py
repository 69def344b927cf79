"""Where a secret is kept: `{file = ..}`, `{credential = ..}` or `{env = ..}`; never the secret itself."""

from typing import Annotated

from pydantic import StringConstraints, model_validator

from impexd.model.base import Model


class Secret(Model):
    """One of three places."""

    file: Annotated[str, StringConstraints(min_length=1)] | None = None
    """A file that only its owner may read; a relative path stands below the folder of impexd.toml."""
    credential: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")] | None
    ) = None
    """The name of a systemd credential (`LoadCredential=`)."""
    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$")] | None = None
    """A variable of the environment."""

    @model_validator(mode="after")
    def _one(self) -> "Secret":
        if sum(place is not None for place in (self.file, self.credential, self.env)) != 1:
            raise ValueError(
                'a secret is kept in one place: {file = "..."}, {credential = "..."} or {env = "..."}'
            )
        return self
