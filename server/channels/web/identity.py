"""Who a visitor is to the site around the widget: proven by the site with a secret that it shares with the channel."""

import hashlib
import hmac

from server.channels.contract import Secrets

PREFIX = "user:"
SECRET = "identity_secret"


def proof_of(secret: str, user_id: str) -> str:
    """What the site's own server computes for its page: hexadecimal HMAC-SHA256 of the user's id."""
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha256).hexdigest()


def is_proven(secrets: Secrets, user_id: str, proof: str) -> bool:
    """Whether one of the channel's identity secrets (during a rotation there are two) made the proof."""
    mine = [secret for name, secret in secrets.items() if name.startswith(SECRET)]
    return any(hmac.compare_digest(proof_of(secret, user_id).encode(), proof.lower().encode()) for secret in mine)


def contact_of(user_id: str) -> str:
    """How the channel names the contact of a proven user; nobody else may use such a name."""
    return PREFIX + user_id
