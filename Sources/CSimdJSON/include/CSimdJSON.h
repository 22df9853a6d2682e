#pragma once
/* The C face of simdjson (parsing) and xxHash (identities): the only file that Swift sees of either. */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct { const uint8_t *bytes; size_t length; } csj_text;

typedef enum {
    CSJ_FIELD_EVENT, CSJ_FIELD_TIMESTAMP, CSJ_FIELD_EVENT_ID,
    CSJ_FIELD_DELIVERY, CSJ_FIELD_DEMAND, CSJ_FIELD_TRIP, CSJ_FIELD_QUOTE, CSJ_FIELD_OFFER,
    CSJ_FIELD_ROBOT, CSJ_FIELD_PILOT, CSJ_FIELD_MERCHANT, CSJ_FIELD_ZONE, CSJ_FIELD_PARKING_LOT,
    CSJ_FIELD_SOURCE, CSJ_FIELD_STATE, CSJ_FIELD_FROM_STATE, CSJ_FIELD_TO_STATE, CSJ_FIELD_REASON,
    CSJ_FIELD_REJECTION_REASON, CSJ_FIELD_ERROR, CSJ_FIELD_MESSAGE,
    CSJ_FIELD_ERROR_CODE, CSJ_FIELD_ERROR_MESSAGE,
    CSJ_FIELD_COUNT
} csj_field;

/* What JSON type a field had; anything but these counts as CSJ_OTHER. */
typedef enum { CSJ_ABSENT, CSJ_NULL, CSJ_STRING, CSJ_NUMBER, CSJ_OTHER } csj_type;

typedef enum {
    CSJ_OK, CSJ_NOT_AN_OBJECT, CSJ_INVALID_UTF8, CSJ_MALFORMED, CSJ_TOO_DEEP
} csj_status;

typedef struct {
    csj_text fields[CSJ_FIELD_COUNT];
    uint8_t types[CSJ_FIELD_COUNT];
    /* For a status other than CSJ_OK: what was wrong, a static text, and at which byte. */
    const char *problem;
    size_t position;
} csj_message;

typedef struct csj_parser csj_parser;

csj_parser *csj_parser_create(void);
void csj_parser_destroy(csj_parser *parser);

/* Reads one message. At least 64 readable bytes must follow the text. Fields without escapes point into the
   text, the others into the parser: valid until its next use. */
csj_status csj_parse(csj_parser *parser, const uint8_t *text, size_t length, csj_message *out);

typedef struct { uint64_t high, low; } csj_hash128;

/* XXH3, 128 bits: identities are stored, so the function and its seed (none) must never change. */
csj_hash128 csj_hash(const void *bytes, size_t length);

#ifdef __cplusplus
}
#endif
