#pragma once
/* The C face of simdjson (tokens) and xxHash (identities): the only file that Swift sees of either. */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The known fields, in the order of their numbers in the fingerprint: stored, so it must never change. */
typedef enum {
    CSJ_FIELD_EVENT, CSJ_FIELD_TIMESTAMP, CSJ_FIELD_EVENT_ID,
    CSJ_FIELD_DELIVERY, CSJ_FIELD_DEMAND, CSJ_FIELD_TRIP, CSJ_FIELD_QUOTE, CSJ_FIELD_OFFER,
    CSJ_FIELD_ROBOT, CSJ_FIELD_PILOT, CSJ_FIELD_MERCHANT, CSJ_FIELD_ZONE, CSJ_FIELD_PARKING_LOT,
    CSJ_FIELD_SOURCE, CSJ_FIELD_STATE, CSJ_FIELD_FROM_STATE, CSJ_FIELD_TO_STATE, CSJ_FIELD_REASON,
    CSJ_FIELD_REJECTION_REASON, CSJ_FIELD_ERROR_CODE, CSJ_FIELD_ERROR_MESSAGE,
    CSJ_FIELD_COUNT
} csj_field;

/* What a message turned out to be. */
typedef enum __attribute__((enum_extensibility(closed))) {
    CSJ_EVENT,          /* an object with an `event`; the record is filled */
    CSJ_SKIPPED,        /* an object without one */
    CSJ_MALFORMED,
    CSJ_NOT_AN_OBJECT,
    CSJ_INVALID_UTF8,
    CSJ_OUT_OF_MEMORY,
} csj_status;

/* What stood under `timestamp`. */
typedef enum __attribute__((enum_extensibility(closed))) {
    CSJ_TIMESTAMP_ABSENT, CSJ_TIMESTAMP_TEXT, CSJ_TIMESTAMP_OTHER,
} csj_timestamp_kind;

/* Bytes of the buffer that the message stands in. No length: the field is not there. */
typedef struct { uint32_t offset, length; } csj_span;

/* One event, its texts as spans: unescaped, and empty where they only say that there is nothing. */
typedef struct {
    int64_t time;
    uint64_t identity_high, identity_low;
    csj_span payload;
    csj_span event, timestamp, event_id;
    csj_span delivery, demand, trip, quote, offer;
    csj_span robot, pilot, merchant, zone, parking_lot;
    csj_span source, state, from_state, to_state, reason, rejection_reason, error_code, error_message;
    /* Bit n is set where the field of that number is there. */
    uint32_t present;
    /* The caller's own: which message it is of. */
    uint32_t message;
} csj_record;

/* How a scan went besides its record. */
typedef struct {
    csj_timestamp_kind timestamp_kind;
    uint32_t error_offset;   /* where a malformed message stops being JSON, from its first byte */
    const char *expected;    /* what was expected there: a static text */
    /* Texts that had to be unescaped, which the caller appends at the `scratch_offset` it gave. */
    const uint8_t *scratch;
    size_t scratch_length;
} csj_result;

/* Finds the known fields in one JSON message and checks every byte of it. One thread at a time. */
typedef struct csj_scanner csj_scanner;

/* NULL where there is no memory. */
csj_scanner *csj_scanner_create(void);
void csj_scanner_destroy(csj_scanner *scanner);

/* Scans one message.
   - message_offset: where it stands in the caller's buffer; spans count from that buffer's start.
   - scratch_offset: where the caller will append `result->scratch`. */
csj_status csj_scan(
    csj_scanner *scanner, const uint8_t *message, size_t length, uint32_t message_offset,
    uint32_t scratch_offset, csj_record *record, csj_result *result);

/* Sets the identity of the event scanned last, whose time is `record->time`; `buffer` is where spans count from. */
void csj_identify(csj_scanner *scanner, const uint8_t *buffer, csj_record *record);

typedef struct { uint64_t high, low; } csj_hash128;

/* XXH3, 128 bits: identities are stored, so the function and its seed (none) must never change. */
csj_hash128 csj_hash(const void *bytes, size_t length);

/* Reads single fields by names that are not known beforehand. One thread at a time. */
typedef struct csj_reader csj_reader;

/* NULL where there is no memory. */
csj_reader *csj_reader_create(void);
void csj_reader_destroy(csj_reader *reader);

/* Writes the text or number under an outermost key, at most `room` bytes of it; how many. 0 where there is none, or where
   the message is no JSON object. */
size_t csj_outer_field(
    csj_reader *reader, const uint8_t *message, size_t length, const char *name, uint8_t *out, size_t room);

#ifdef __cplusplus
}
#endif
