"""Every bound of the service, in one place, with the relations between them asserted."""

from typing import Final

# Quantities. Lua's numbers are doubles: whole numbers are exact up to here.
QUANTITY_MAX: Final = 2**53 - 1

# Identifiers.
ID_CHARACTERS_MAX: Final = 128
ID_PATTERN: Final = r"[A-Za-z0-9._+@-]{1,128}"

# What one script may have to read.
BUCKETS_MAX: Final = 32
CAPS_PER_HOLDER_MAX: Final = 16
GROUPS_PER_SUBSCRIBER_MAX: Final = 4
IDENTITIES_PER_SUBSCRIBER_MAX: Final = 8
OPEN_RESERVATIONS_MAX: Final = 1024
EXPIRIES_PER_CALL_MAX: Final = 64
SERVICES_PER_BUCKET_MAX: Final = 16
ZONES_PER_BUCKET_MAX: Final = 16
USED_SEGMENTS_MAX: Final = 8
# How often the price of one report of use may change; what comes after has the last one's.
USE_PIECES_MAX: Final = 64
# A reservation keeps the price list that it was opened with.
RATE_STEPS_MAX: Final = 8

# A tariff's text, and what it may say. A table or list counts as one value, a key as one.
TARIFF_BYTES_MAX: Final = 16 * 1024 * 1024
TARIFF_NODES_MAX: Final = 300_000
TARIFF_DEPTH_MAX: Final = 16
# Faults of a document that are told at once.
TARIFF_FAULTS_MAX: Final = 20
# Lines: one price of one plan, service, zone, calendar entry and date each.
TARIFF_LINES_MAX: Final = 100_000
PLANS_MAX: Final = 10_000
PLAN_DEPTH_MAX: Final = 8
CALENDAR_SPANS_MAX: Final = 128
HOLIDAYS_MAX: Final = 1_000
PRICE_CHANGES_MAX: Final = 32
# Bundles: what is bought together, and how often it is bought again by itself.
BUNDLE_CONTENTS_MAX: Final = 8
BUNDLE_RENEWALS_MAX: Final = 1000
BUNDLE_PLANS_MAX: Final = 500
BUNDLE_SPAN_MAX_MS: Final = 3_660 * 86_400_000
# So that `bundle.seq.number` is an id.
BUNDLE_ID_PATTERN: Final = r"[A-Za-z0-9._+@-]{1,96}"
# A renewal comes so long before the end, at most a tenth of the validity, and takes effect at it.
RENEWAL_LEAD_MAX_MS: Final = 60_000
# What cannot be paid for is tried again; a top-up brings the next try forward.
RENEWAL_RETRY_MS: Final = 86_400_000
RENEWAL_TRIES_MAX: Final = 7

# The tariff book of a tenant. Every server confirms it each second; one that knew it 3 s ago at
# the latest knows an activation before it happens.
TARIFF_VERSIONS_MAX: Final = 10_000
TARIFF_CHUNK_BYTES_MAX: Final = 512 * 1024
ACTIVATION_AHEAD_MIN_MS: Final = 5_000
BOOK_CONFIRMED_MAX_MS: Final = 3_000
# How far back use is priced (USED debits), and what a version is kept in memory for.
EVENT_AGE_MAX_MS: Final = 31 * 86_400_000
# What is asked for before it happens, is about to: so long before the request at most.
EVENT_AGE_AUTHORIZE_MAX_MS: Final = 15 * 60_000
EVENT_AHEAD_MAX_MS: Final = 60_000
EVENT_AHEAD_QUOTE_MAX_MS: Final = 366 * 86_400_000
TARIFF_DIFFERENCES_MAX: Final = 1_000

# Rolling windows of caps: so many slots of one length, all of them counted from 1970 UTC.
WINDOW_MIN_MS: Final = 3_600_000
WINDOW_MAX_MS: Final = 31 * 86_400_000
WINDOW_SLOTS_MIN: Final = 2
WINDOW_SLOTS_MAX: Final = 31
WINDOW_SLOTS_DEFAULT: Final = 24

# How long a request_id protects its operation, from request_time.
WINDOW_GRANT_MS: Final = 15 * 60_000
WINDOW_SETTLE_MS: Final = 60 * 60_000
WINDOW_USED_MS: Final = 48 * 3_600_000
REQUEST_AHEAD_MAX_MS: Final = 60_000

# Refusals that an account stores under their request_ids within a window that begins with the
# first; a caller that is wrong all the time must not fill the store.
REFUSALS_MAX: Final = 1000
REFUSALS_WINDOW_MS: Final = 60 * 60_000

# How long an ended reservation answers for itself, and a session's rating is kept.
REMEMBER_MS: Final = 60 * 60_000

# What a key's TTL outlives the expire time in its text: the text decides, the TTL cleans up.
TTL_SLACK_MS: Final = 60_000

# Grants.
VALIDITY_MIN_MS: Final = 1_000
VALIDITY_MAX_MS: Final = 24 * 3_600_000
VALIDITY_DEFAULT_MS: Final = 600_000
# Short validity of a cut grant while something else is held that could come back.
VALIDITY_SHORT_MS: Final = 30_000
EXPIRE_GRACE_MIN_MS: Final = 60_000
JITTER_PERMILLE_MAX: Final = 100
REPORT_AT_PERCENT: Final = 80
SEQUENCE_NUMBER_MAX: Final = 2**32 - 1
BUCKET_PRIORITY_MAX: Final = 1000
BUCKET_PRIORITY_DEFAULT: Final = 100

# Clocks and deadlines.
CLOCK_SKEW_MAX_MS: Final = 5_000
DEADLINE_DEFAULT_MS: Final = 2_000
DEADLINE_FLOOR_MS: Final = 5
# No call is worked on for longer, whatever its caller is ready to wait.
DEADLINE_MAX_MS: Final = 60_000
TIME_MAX_MS: Final = 7_258_118_400_000  # 2200-01-01

# Lookups (identities, payment references).
CLAIM_PENDING_MS: Final = 60_000

# Journal and lists.
PAGE_DEFAULT: Final = 50
PAGE_MAX: Final = 500
# Events of an account that are read back to find where a tier of an explained charge stood.
EXPLAIN_EVENTS_MAX: Final = 1_000
# Entries of a partition that one page of an account's events, oldest first, looks at.
EVENTS_SCANNED_MAX: Final = 10_000
SUBSCRIBERS_LISTED_MAX: Final = 1000

# Archive. A process that does not renew its lease for so long has stopped archiving.
ARCHIVE_LEASE_MS: Final = 10_000
# Younger entries are left: a store that crashes under `everysec` may lose about the last second.
ARCHIVE_BEHIND_MS: Final = 10_000
# What is archived stays in the store for so long, for readers that step back after a failover.
JOURNAL_KEPT_MS: Final = 10 * 60_000
# Entries of one partition that go in one step, while charges wait.
TRIM_ENTRIES_MAX: Final = 10_000

# Messages.
UNARY_CHARGING_BYTES_MAX: Final = 64 * 1024
RECEIVE_BYTES_MAX: Final = 1024 * 1024
# From the start of a call until its message is there: who holds a place uses it.
MESSAGE_WAIT_MS: Final = 5_000

# Streams of batches: batches of one that are worked on, and streams of a process (decision 0036).
STREAM_BATCHES_MAX: Final = 16
STREAMS_MAX: Final = 256

# Who may call.
CREDENTIALS_MAX: Final = 4096
CREDENTIALS_BYTES_MAX: Final = 4 * 1024 * 1024
CALLERS_REMEMBERED_MAX: Final = 8192

# The adapter asks again this often when an account's terms or a due batch moved under a call.
STALE_RETRIES_MAX: Final = 2
EXPIRE_ROUNDS_MAX: Final = OPEN_RESERVATIONS_MAX // EXPIRIES_PER_CALL_MAX + 1

assert 2 * BUNDLE_CONTENTS_MAX < BUCKETS_MAX
assert OPEN_RESERVATIONS_MAX % EXPIRIES_PER_CALL_MAX == 0
# A record must outlive the reservation's memory, or a resend could charge again.
assert WINDOW_SETTLE_MS >= REMEMBER_MS
assert WINDOW_GRANT_MS <= WINDOW_SETTLE_MS <= WINDOW_USED_MS
# A grant is valid to the end of a slot: a slot is longer than the shortest validity by far.
assert WINDOW_MIN_MS // WINDOW_SLOTS_MAX >= 60 * VALIDITY_MIN_MS
assert WINDOW_SLOTS_MIN <= WINDOW_SLOTS_DEFAULT <= WINDOW_SLOTS_MAX
assert DEADLINE_FLOOR_MS < DEADLINE_DEFAULT_MS <= DEADLINE_MAX_MS
assert VALIDITY_SHORT_MS >= VALIDITY_MIN_MS
assert VALIDITY_DEFAULT_MS <= VALIDITY_MAX_MS
assert TIME_MAX_MS + WINDOW_USED_MS < QUANTITY_MAX
assert SEQUENCE_NUMBER_MAX <= QUANTITY_MAX
assert CALLERS_REMEMBERED_MAX >= CREDENTIALS_MAX
assert CREDENTIALS_BYTES_MAX >= CREDENTIALS_MAX * 1000  # an entry has at most so many characters
assert ARCHIVE_BEHIND_MS < JOURNAL_KEPT_MS
assert BOOK_CONFIRMED_MAX_MS < ACTIVATION_AHEAD_MIN_MS
# Whatever a charge may name, the version that priced it is in memory.
assert EVENT_AGE_AUTHORIZE_MAX_MS + WINDOW_GRANT_MS < EVENT_AGE_MAX_MS
