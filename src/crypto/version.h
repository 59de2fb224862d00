/* Which cryptographic library is at work. */
#ifndef CULVERT_CRYPTO_VERSION_H
#define CULVERT_CRYPTO_VERSION_H

/* "OpenSSL 3.0.15 3 Sep 2024": the library that is loaded, not the one that was built with. */
const char *crypto_library_version(void);
/* What seals and opens ESP packets on this machine: "OpenSSL 3.0.15", or "ipsec-mb 1.3.0 for AES-GCM, else
 * OpenSSL 3.0.15". Empty before crypto_init. */
const char *crypto_bulk_name(void);

#endif
