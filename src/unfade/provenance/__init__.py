"""Provenance: a signed C2PA manifest in the file that says what was done to it, and by whom.

``manifest`` derives what is said from the evidence, and refuses to say less; ``signing`` puts it
into the file with the user's own key. Nothing is fetched and no time stamp is asked for over the
network unless an address is named.
"""

from unfade.provenance.manifest import check_honest, manifest_of
from unfade.provenance.signing import Credentials, check_signable, load_credentials, sign_file

__all__ = [
    "Credentials",
    "check_honest",
    "check_signable",
    "load_credentials",
    "manifest_of",
    "sign_file",
]
