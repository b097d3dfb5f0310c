"""The public authorities, as far as the machine knows them that the program runs on.

The client in a pod VM has a list of its own (webpki-roots), which is Mozilla's like that of every Linux distribution.
"""

import ssl
import warnings
from functools import cache

from cryptography import x509


@cache
def known() -> tuple[x509.Certificate, ...]:
    """Return the authorities that this machine trusts; empty where it has no list."""
    authorities = ssl.create_default_context().get_ca_certs(binary_form=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an authority's odd serial number is not ours to mend
        return tuple(x509.load_der_x509_certificate(der) for der in authorities)
