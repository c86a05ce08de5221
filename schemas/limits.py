"""The limits of everything that can grow; the last word of each name is the unit.

`docs/limits.md` shows them with their consequences; a test compares the two. Settings of operators
are in `bus.settings`. These values are the defaults of `adapters.contract.Limits`, which limits
what a format may read.
"""

KIB = 1024
MIB = 1024 * KIB

# --- messages ---------------------------------------------------------------------------------

MAX_BODY_BYTES = MIB
"""The body of a message, which contains no attachments."""
MAX_RECIPIENTS = 2_000
MAX_LIST_ITEMS = 2_000
"""Any other list in an envelope."""
MAX_MAP_ENTRIES = 2_000
"""Any map in an envelope, such as `document.raw`."""
MAX_IDENTIFIER_CHARS = 300
"""Codes, numbers and ids, which are looked up. PostgreSQL indexes at most 2,704 bytes."""
MAX_TEXT_CHARS = 256 * KIB
"""Any other text in an envelope."""
MAX_SIGNATURE_CHARS = 8 * KIB
"""The message header `signature`."""
MAX_JWS_HEADER_CHARS = 4 * KIB
"""The protected header in a signature, as base64url."""
MAX_HEADER_FIELDS = 32
"""Unsigned headers of a message; further headers are ignored."""
MAX_HEADER_BYTES = 40 * KIB
"""One unsigned header. Together they must leave room for other properties in a frame of 128 KiB."""
MAX_HEADERS_BYTES = 64 * KIB

# --- texts ------------------------------------------------------------------------------------

MAX_TOLD_CHARS = 300
"""A text in a problem or warning (a parameter, a field path, a detail), cut to this length."""
MAX_TOLD_PARAMS = 16
MAX_LOG_VALUE_CHARS = 8 * KIB
"""A value in a log line, including a traceback, cut to this length."""

# --- files for formats ------------------------------------------------------------------------

MAX_PACKET_BYTES = 2048 * MIB
"""A packet, and separately the sum of its files (decision record 0006)."""
MAX_DEPTH_LEVELS = 64
MAX_ELEMENTS = 100_000
MAX_TEXT_BYTES = 256 * KIB
MAX_TOKEN_BYTES = MIB
"""An XML tag, comment or instruction."""
MAX_NAMESPACE_PREFIXES = 64
MAX_JUNK_BYTES = KIB
"""Bytes before the XML declaration that are skipped."""
MAX_RECEIVERS = 2_000
MAX_ATTACHMENTS = 1_000
MAX_WARNINGS = 200
MAX_RAW_BYTES = 64 * KIB
MAX_ZIP_RATIO = 100
ZIP_RATIO_FROM_BYTES = MIB
"""Files that unpack to at most this size may have any ratio."""
MAX_ZIP_ENTRIES = 1
MAX_SIGNED_PACKET_BYTES = 8 * MIB
"""The header signature of a larger packet is `unverifiable`, because it needs the whole tree."""
MAX_FILE_NAME_BYTES = 255

# --- canonical values ------------------------------------------------------------------------

MIN_YEAR = 1945
"""The first year of dates, and of times in Viet Nam (`docs/edxml.md`)."""
MAX_YEAR = 2100
MAX_CODE = 2**31 - 1
"""The numbers of document types and of vendors, positive and negative: 32 bits."""

# --- files on disk ----------------------------------------------------------------------------

MAX_OUTBOX_FILES = 20_000
"""Files of one outbox that are listed at once; the others wait until these are sent."""
MAX_AGENCIES = 50_000
"""Agencies of a directory, and separately its aliases."""
MAX_DIRECTORY_BYTES = 32 * MIB
"""The signed directory."""
MAX_DIRECTORY_VERSIONS = 1_000
"""Kept versions of the directory; older ones are deleted."""
MAX_DIRECTORY_CSV_BYTES = 64 * MIB
"""A table of agencies that is imported."""
MAX_AGENCY_NAME_CHARS = 500
"""The name of an agency when it is entered."""
MAX_CERTIFICATE_FILE_BYTES = 64 * KIB
MAX_CHAIN_CERTIFICATES = 10
"""A certificate together with the intermediate certificates in its file."""
