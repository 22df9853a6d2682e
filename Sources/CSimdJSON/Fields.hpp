#pragma once
// What is looked for in a message, and what counts as "not there" (semantics section 1).
#include "CSimdJSON.h"

#include <cstring>

namespace {

enum Field : uint8_t {
    fieldName = CSJ_FIELD_EVENT,
    fieldTimestamp = CSJ_FIELD_TIMESTAMP,
    fieldEventID = CSJ_FIELD_EVENT_ID,
    fieldDelivery = CSJ_FIELD_DELIVERY,
    fieldDemand = CSJ_FIELD_DEMAND,
    fieldTrip = CSJ_FIELD_TRIP,
    fieldQuote = CSJ_FIELD_QUOTE,
    fieldOffer = CSJ_FIELD_OFFER,
    fieldRobot = CSJ_FIELD_ROBOT,
    fieldPilot = CSJ_FIELD_PILOT,
    fieldMerchant = CSJ_FIELD_MERCHANT,
    fieldZone = CSJ_FIELD_ZONE,
    fieldParkingLot = CSJ_FIELD_PARKING_LOT,
    fieldSource = CSJ_FIELD_SOURCE,
    fieldState = CSJ_FIELD_STATE,
    fieldFromState = CSJ_FIELD_FROM_STATE,
    fieldToState = CSJ_FIELD_TO_STATE,
    fieldReason = CSJ_FIELD_REASON,
    fieldRejectionReason = CSJ_FIELD_REJECTION_REASON,
    fieldErrorCode = CSJ_FIELD_ERROR_CODE,
    fieldErrorMessage = CSJ_FIELD_ERROR_MESSAGE,
    fieldCount = CSJ_FIELD_COUNT,
    fieldError = fieldCount,
    fieldMessage,
    fieldUnknown,
};

enum Kind : uint8_t { kindAbsent, kindNull, kindString, kindNumber, kindOther };

struct Value {
    const uint8_t *start;
    uint32_t length;
    Kind kind;
};

inline bool isBlank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
inline bool isDigit(uint8_t c) { return c >= '0' && c <= '9'; }

inline bool equal(const uint8_t *text, const char *word, size_t length) {
    return std::memcmp(text, word, length) == 0;
}

inline Field fieldOf(const uint8_t *key, size_t length) {
    switch (length) {
    case 5:
        if (equal(key, "event", 5)) return fieldName;
        if (equal(key, "state", 5)) return fieldState;
        if (equal(key, "error", 5)) return fieldError;
        break;
    case 6:
        if (equal(key, "source", 6)) return fieldSource;
        if (equal(key, "reason", 6)) return fieldReason;
        break;
    case 7:
        if (equal(key, "trip_id", 7)) return fieldTrip;
        if (equal(key, "zone_id", 7)) return fieldZone;
        if (equal(key, "message", 7)) return fieldMessage;
        break;
    case 8:
        if (equal(key, "event_id", 8)) return fieldEventID;
        if (equal(key, "robot_id", 8)) return fieldRobot;
        if (equal(key, "pilot_id", 8)) return fieldPilot;
        if (equal(key, "quote_id", 8)) return fieldQuote;
        if (equal(key, "offer_id", 8)) return fieldOffer;
        if (equal(key, "to_state", 8)) return fieldToState;
        break;
    case 9:
        if (equal(key, "timestamp", 9)) return fieldTimestamp;
        if (equal(key, "demand_id", 9)) return fieldDemand;
        break;
    case 10:
        if (equal(key, "from_state", 10)) return fieldFromState;
        break;
    case 11:
        if (equal(key, "delivery_id", 11)) return fieldDelivery;
        if (equal(key, "merchant_id", 11)) return fieldMerchant;
        break;
    case 14:
        if (equal(key, "parking_lot_id", 14)) return fieldParkingLot;
        break;
    case 16:
        if (equal(key, "rejection_reason", 16)) return fieldRejectionReason;
        break;
    default:
        break;
    }
    return fieldUnknown;
}

inline Field errorFieldOf(const uint8_t *key, size_t length) {
    if (length == 4 && equal(key, "code", 4)) return fieldErrorCode;
    if (length == 7 && equal(key, "message", 7)) return fieldErrorMessage;
    return fieldUnknown;
}

// Whether a text only says that there is nothing: blank, or null, undefined, unknown, none, n/a.
inline bool isPlaceholder(const uint8_t *text, size_t length) {
    const uint8_t *end = text + length;
    auto blank = [](uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    // Nearly every text is no placeholder by its first letter.
    if (length > 0 && !blank(*text) && (*text | 0x20) != 'n' && (*text | 0x20) != 'u') return false;
    while (text < end && blank(*text)) ++text;
    while (end > text && blank(end[-1])) --end;
    length = size_t(end - text);
    auto is = [&](const char *word) {
        for (size_t at = 0; at < length; ++at) {
            uint8_t c = text[at];
            if (c >= 'A' && c <= 'Z') c |= 0x20;
            if (c != uint8_t(word[at])) return false;
        }
        return true;
    };
    switch (length) {
    case 0: return true;
    case 3: return is("n/a");
    case 4: return is("null") || is("none");
    case 7: return is("unknown");
    case 9: return is("undefined");
    default: return false;
    }
}

} // namespace
