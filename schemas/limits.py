"""Limits: everything that can grow, and how far; the unit is the last word of each name.

`docs/limits.md` shows them with what happens beyond; a test keeps the two equal. What an operator
may choose is in `bus.settings`; what a format may read is bounded by `adapters.contract.Limits`,
whose defaults are these.
"""

KIB = 1024
MIB = 1024 * KIB

# --- what travels -----------------------------------------------------------------------------

MAX_BODY_BYTES = MIB
"""Body of a message; attachments are referenced, never carried."""
MAX_RECIPIENTS = 2_000
MAX_LIST_ITEMS = 2_000
"""Any other list within an envelope."""
MAX_MAP_ENTRIES = 2_000
"""Any map within an envelope, as `document.raw`."""
MAX_IDENTIFIER_CHARS = 300
"""What is looked up: codes, numbers, document ids. PostgreSQL indexes at most 2,704 bytes."""
MAX_TEXT_CHARS = 256 * KIB
"""Any other text within an envelope."""
MAX_SIGNATURE_CHARS = 8 * KIB
"""The whole message header `signature`."""
MAX_JWS_HEADER_CHARS = 4 * KIB
"""The protected header within it, as base64url."""
MAX_HEADER_FIELDS = 32
"""Unsigned headers of a message, which are hints: more are not taken up."""
MAX_HEADER_BYTES = 40 * KIB
"""One of them. All together must leave room in a frame of 128 KiB for what is added."""
MAX_HEADERS_BYTES = 64 * KIB

# --- what is told -----------------------------------------------------------------------------

MAX_TOLD_CHARS = 300
"""One text within a problem or warning: a parameter, a field path, a detail; cut beyond."""
MAX_TOLD_PARAMS = 16
MAX_LOG_VALUE_CHARS = 8 * KIB
"""One value in a log line, a traceback included; cut beyond."""

# --- what formats read ------------------------------------------------------------------------

MAX_PACKET_BYTES = 2048 * MIB
"""A packet file, and apart from it the sum of its files (decision record 0006)."""
MAX_DEPTH_LEVELS = 64
MAX_ELEMENTS = 100_000
MAX_TEXT_BYTES = 256 * KIB
MAX_TOKEN_BYTES = MIB
"""A tag, comment or instruction of XML."""
MAX_NAMESPACE_PREFIXES = 64
MAX_JUNK_BYTES = KIB
"""What may stand before the XML declaration."""
MAX_RECEIVERS = 2_000
MAX_ATTACHMENTS = 1_000
MAX_WARNINGS = 200
MAX_RAW_BYTES = 64 * KIB
MAX_ZIP_RATIO = 100
ZIP_RATIO_FROM_BYTES = MIB
"""What unpacks to no more than this may have any ratio."""
MAX_ZIP_ENTRIES = 1
MAX_SIGNED_PACKET_BYTES = 8 * MIB
"""A header signature over a larger packet is `unverifiable`: it needs the whole tree."""
MAX_FILE_NAME_BYTES = 255

# --- what canonical values may be -------------------------------------------------------------

MIN_YEAR = 1945
"""Of dates, and of moments in Viet Nam's time: none in the trade lies outside (handbook 2.6)."""
MAX_YEAR = 2100
MAX_CODE = 2**31 - 1
"""Of a document type's number and of the vendors' own, and as far below zero: 32 bits."""

# --- what lies on disks -----------------------------------------------------------------------

MAX_OUTBOX_FILES = 20_000
"""Files of one outbox looked at in one go; the others wait until these have left."""
MAX_AGENCIES = 50_000
"""Agencies of a directory, and apart from them its aliases."""
MAX_DIRECTORY_BYTES = 32 * MIB
"""The signed snapshot of a directory: with every field written out it still fits the line to a
worker."""
MAX_DIRECTORY_VERSIONS = 1_000
"""Versions of the directory that are kept; the oldest are forgotten."""
MAX_DIRECTORY_CSV_BYTES = 64 * MIB
"""A table of agencies that is imported."""
MAX_AGENCY_NAME_CHARS = 500
"""The name of an agency, when it is entered."""
MAX_CERTIFICATE_FILE_BYTES = 64 * KIB
MAX_CHAIN_CERTIFICATES = 10
"""A certificate with the intermediate ones in its file."""
