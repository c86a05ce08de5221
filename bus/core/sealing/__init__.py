"""Sealing: documents that only their recipients can read, and what is bound to what in them.

A content key for each envelope, wrapped by HPKE (RFC 9180) once for each recipient's mailbox;
content and files under keys derived from it; a signature inside, one outside, each naming what the
other covers. `suite` has the ciphers, `key` the mailboxes' keys, `stream` the files, `envelope` the
whole.
"""
