"""The keys of this room, derived once from the installation's master key."""

from dataclasses import dataclass

from litestar.datastructures import State

from server.kit.secrets import Vault


@dataclass(frozen=True, slots=True)
class Keys:
    """One key per purpose: none opens what another closed."""

    access: bytes
    refresh: bytes
    csrf: bytes
    lockout: bytes

    @classmethod
    def of(cls, vault: Vault) -> "Keys":
        """Derive them all."""
        return cls(
            vault.derive("access tokens"), vault.derive("refresh tokens"), vault.derive("csrf tokens"), vault.derive("sign-in counters")
        )


def keys_of(state: State) -> Keys:
    """The keys of a running application."""
    keys = state.get("security_keys")
    if keys is None:
        keys = state.security_keys = Keys.of(state.vault)
    assert isinstance(keys, Keys)
    return keys
