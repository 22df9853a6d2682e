#include "CSimdJSON.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include <simdjson.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "Walk.hpp"

// The C functions, and what a message means once it is walked. Nothing throws: simdjson's first stage and the
// walk return their errors, and memory is asked for with functions that return NULL.

struct csj_scanner : Walk {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> indexer;
    size_t indexerCapacity = 0;
    size_t scratchCapacity = 0;
    uint8_t *canonical = nullptr;
    size_t canonicalCapacity = 0;

    ~csj_scanner() {
        std::free(scratch);
        std::free(canonical);
    }

    static bool reserve(uint8_t *&buffer, size_t &capacity, size_t wanted) {
        if (wanted <= capacity) return true;
        size_t larger = capacity < 4096 ? 4096 : capacity;
        while (larger < wanted) larger *= 2;
        void *moved = std::realloc(buffer, larger);
        if (!moved) return false;
        buffer = static_cast<uint8_t *>(moved);
        capacity = larger;
        return true;
    }

    // Scans one document into `values`.
    csj_status document(const uint8_t *text, size_t count) {
        bytes = text;
        length = count;
        for (Value &value : values) value = Value{nullptr, 0, kindAbsent};
        message = Value{nullptr, 0, kindAbsent};
        if (count > indexerCapacity || !indexer) {
            size_t capacity = indexerCapacity < 1 << 16 ? 1 << 16 : indexerCapacity;
            while (capacity < count) capacity *= 2;
            const auto failure = simdjson::get_active_implementation()->create_dom_parser_implementation(
                capacity, 1, indexer);
            if (failure) {
                indexerCapacity = 0;
                return CSJ_OUT_OF_MEMORY;
            }
            indexerCapacity = capacity;
        }
        if (count == 0) {
            fail(0, "an object");
            return CSJ_MALFORMED;
        }
        const auto failure = indexer->stage1(text, count, simdjson::stage1_mode::regular);
        if (failure) {
            if (!simdjson::validate_utf8(reinterpret_cast<const char *>(text), count)) return CSJ_INVALID_UTF8;
            switch (failure) {
            case simdjson::UNCLOSED_STRING: fail(count, "the string to be closed"); break;
            case simdjson::UNESCAPED_CHARS: fail(controlInString(), "control characters escaped"); break;
            case simdjson::MEMALLOC: return CSJ_OUT_OF_MEMORY;
            default: fail(0, "an object"); break;
            }
            return CSJ_MALFORMED;
        }
        tokens = indexer->structural_indexes.get();
        tokenCount = indexer->n_structural_indexes;
        hasBackslash = std::memchr(text, '\\', count) != nullptr;
        uint32_t token = 0;
        const bool isObjectDocument = first(0) == '{';
        if (!(isObjectDocument ? object<false>(token, 0) : skip(token, 0))) return CSJ_MALFORMED;
        if (token != tokenCount) {
            fail(offsetOf(token), "nothing after the value");
            return CSJ_MALFORMED;
        }
        return isObjectDocument ? CSJ_EVENT : CSJ_NOT_AN_OBJECT;
    }

    // Where the first control character in a string stands, for the message.
    size_t controlInString() const {
        bool inside = false;
        for (size_t at = 0; at < length; ++at) {
            if (bytes[at] == '"') {
                inside = !inside;
            } else if (inside && bytes[at] == '\\') {
                ++at;
            } else if (inside && bytes[at] < 0x20) {
                return at;
            }
        }
        return length;
    }

    // The message, or the event inside an envelope; says where the event's text stands.
    csj_status message_or_envelope(const uint8_t *&payload, size_t &count) {
        csj_status status = document(payload, count);
        if (status != CSJ_EVENT) return status;
        const Kind kind = values[fieldName].kind;
        if ((kind == kindAbsent || kind == kindNull) && message.kind == kindString) {
            // An envelope: its message is the event. The text goes to the start of the scratch buffer.
            const uint8_t *text = message.start;
            size_t inside = message.length;
            trim(text, inside);
            if (inside == 0 || *text != '{') return CSJ_SKIPPED;
            std::memmove(scratch, text, inside);
            scratchLength = inside;
            payload = scratch;
            count = inside;
            status = document(payload, count);
            // What is no JSON object inside is a plain log line: an object without `event`.
            if (status != CSJ_EVENT) return status == CSJ_OUT_OF_MEMORY ? status : CSJ_SKIPPED;
        }
        const Value &name = values[fieldName];
        return name.kind == kindString && name.length > 0 ? CSJ_EVENT : CSJ_SKIPPED;
    }

    static void trim(const uint8_t *&text, size_t &count) {
        while (count > 0 && isBlank(text[count - 1])) --count;
        while (count > 0 && isBlank(*text)) ++text, --count;
    }

    // Whether a field says something: a string or a number, and no word for "nothing" where words can say that.
    bool says(uint8_t field) const {
        const Value &value = values[field];
        if (value.kind == kindNumber) return true;
        if (value.kind != kindString || value.length == 0) return false;
        switch (field) {
        case fieldName: case fieldTimestamp: case fieldState: case fieldFromState: case fieldToState:
        case fieldErrorCode: case fieldErrorMessage:
            return true;
        default:
            return !isPlaceholder(value.start, value.length);
        }
    }
};

csj_scanner *csj_scanner_create(void) { return new (std::nothrow) csj_scanner(); }

void csj_scanner_destroy(csj_scanner *scanner) { delete scanner; }

csj_status csj_scan(
    csj_scanner *scanner, const uint8_t *message, size_t length, uint32_t message_offset,
    uint32_t scratch_offset, csj_record *record, csj_result *result) {
    csj_scanner &s = *scanner;
    result->scratch_length = 0;
    s.scratchLength = 0;
    const uint8_t *payload = message;
    csj_scanner::trim(payload, length);
    const size_t leading = size_t(payload - message);
    // Texts shrink when unescaped, so an envelope's inside and that inside's texts fit.
    if (!s.reserve(s.scratch, s.scratchCapacity, 2 * length + 16)) return CSJ_OUT_OF_MEMORY;
    const csj_status status = s.message_or_envelope(payload, length);
    if (status != CSJ_EVENT) {
        result->error_offset = uint32_t(leading) + s.errorOffset;
        result->expected = s.expected;
        return status;
    }

    const Value &timestamp = s.values[fieldTimestamp];
    switch (timestamp.kind) {
    case kindAbsent: case kindNull:
        result->timestamp_kind = CSJ_TIMESTAMP_ABSENT;
        break;
    case kindString:
        result->timestamp_kind = timestamp.length ? CSJ_TIMESTAMP_TEXT : CSJ_TIMESTAMP_ABSENT;
        break;
    case kindNumber: case kindOther:
        result->timestamp_kind = CSJ_TIMESTAMP_OTHER;
        break;
    }
    const uint8_t *const scratchEnd = s.scratch + s.scratchLength;
    auto span = [&](const uint8_t *start, size_t count) {
        const bool inScratch = start >= s.scratch && start < scratchEnd;
        const size_t offset = inScratch ? scratch_offset + size_t(start - s.scratch)
                                        : message_offset + size_t(start - message);
        return csj_span{uint32_t(offset), uint32_t(count)};
    };
    record->payload = span(payload, length);
    csj_span *const spans = &record->event;
    uint32_t present = 0;
    for (uint8_t field = 0; field < fieldCount; ++field) {
        if (s.values[field].kind == kindAbsent || !s.says(field)) {
            spans[field] = csj_span{0, 0};
        } else {
            spans[field] = span(s.values[field].start, s.values[field].length);
            present |= uint32_t(1) << field;
        }
    }
    record->present = present;
    result->scratch = s.scratch;
    result->scratch_length = s.scratchLength;
    return CSJ_EVENT;
}

static_assert(
    offsetof(csj_record, error_message) == offsetof(csj_record, event) + fieldErrorMessage * sizeof(csj_span),
    "the record's spans stand in the order of the fields");

// The identity in `fp-` and 32 digits, by which the store's own rows call an event that has no id.
static bool readFingerprint(const uint8_t *text, size_t length, csj_hash128 &out) {
    if (length != 35 || std::memcmp(text, "fp-", 3) != 0) return false;
    uint64_t halves[2] = {0, 0};
    for (int index = 0; index < 32; ++index) {
        const uint8_t byte = text[3 + index];
        const bool isDigit = byte >= '0' && byte <= '9', isLetter = byte >= 'a' && byte <= 'f';
        if (!isDigit && !isLetter) return false;
        uint64_t &half = halves[index / 16];
        half = half << 4 | uint64_t(isDigit ? byte - '0' : byte - 'a' + 10);
    }
    out = {halves[0], halves[1]};
    return true;
}

void csj_identify(csj_scanner *scanner, const uint8_t *buffer, csj_record *record) {
    const csj_span *const spans = &record->event;
    const csj_span id = record->event_id;
    csj_hash128 hash;
    if (id.length > 0 && readFingerprint(buffer + id.offset, id.length, hash)) {
        // The store keeps both under this one text: it is the event without an id, exported and read again.
        record->event_id = csj_span{0, 0};
    } else if (id.length > 0) {
        hash = csj_hash(buffer + id.offset, id.length);
    } else {
        // The fingerprint's text: the time, then each field that is there, behind its number and its length,
        // so that no two contents give the same text; nor does any event_id, which has no zero bytes.
        size_t wanted = 8;
        const uint32_t present = record->present & ~(uint32_t(1) << fieldTimestamp);
        for (uint32_t left = present; left; left &= left - 1) wanted += 5 + spans[__builtin_ctz(left)].length;
        csj_scanner &s = *scanner;
        if (!s.reserve(s.canonical, s.canonicalCapacity, wanted)) std::abort();
        uint8_t *out = s.canonical;
        auto number = [&](uint64_t value, int count) {
            for (int byte = 0; byte < count; ++byte) *out++ = uint8_t(value >> (8 * byte));
        };
        number(uint64_t(record->time), 8);
        for (uint32_t left = present; left; left &= left - 1) {
            const int field = __builtin_ctz(left);
            *out++ = uint8_t(field);
            number(spans[field].length, 4);
            std::memcpy(out, buffer + spans[field].offset, spans[field].length);
            out += spans[field].length;
        }
        hash = csj_hash(s.canonical, size_t(out - s.canonical));
    }
    record->identity_high = hash.high;
    record->identity_low = hash.low;
}

csj_hash128 csj_hash(const void *bytes, size_t length) {
    const XXH128_hash_t hash = XXH3_128bits(bytes, length);
    return {hash.high64, hash.low64};
}
