#include "CSimdJSONBaseline.h"

#include <simdjson.h>

#include <cstring>
#include <string_view>

using namespace simdjson;

namespace {

enum class wanted { no, event, timestamp, text, error };

bool is(std::string_view key, const char *name) { return memcmp(key.data(), name, key.size()) == 0; }

// By length first: the quickest way to leave the keys that nobody wants.
wanted kind_of(std::string_view key) {
    switch (key.size()) {
    case 5:
        if (is(key, "event")) return wanted::event;
        if (is(key, "error")) return wanted::error;
        return is(key, "state") ? wanted::text : wanted::no;
    case 6: return is(key, "source") || is(key, "reason") ? wanted::text : wanted::no;
    case 7: return is(key, "trip_id") || is(key, "zone_id") ? wanted::text : wanted::no;
    case 8:
        return is(key, "event_id") || is(key, "robot_id") || is(key, "pilot_id") || is(key, "quote_id") ||
                       is(key, "offer_id") || is(key, "to_state")
                   ? wanted::text
                   : wanted::no;
    case 9:
        if (is(key, "timestamp")) return wanted::timestamp;
        return is(key, "demand_id") ? wanted::text : wanted::no;
    case 10: return is(key, "from_state") ? wanted::text : wanted::no;
    case 11: return is(key, "delivery_id") || is(key, "merchant_id") ? wanted::text : wanted::no;
    case 14: return is(key, "parking_lot_id") ? wanted::text : wanted::no;
    case 16: return is(key, "rejection_reason") ? wanted::text : wanted::no;
    default: return wanted::no;
    }
}

// The key as it stands, up to its closing quote (stage 1 has seen that there is one).
std::string_view key_of(ondemand::field &field) {
    const char *start = field.key().raw();
    const char *end = start;
    while (*end != '"') end += *end == '\\' ? 2 : 1;
    return std::string_view(start, size_t(end - start));
}

// The length of a string, or of a number's text; 0 for anything else.
size_t text_length(ondemand::value value, bool &is_string) {
    const char first = *value.raw_json_token().data();
    if (first == '"') {
        std::string_view text;
        is_string = !value.get_string().get(text);
        return is_string ? text.size() : 0;
    }
    return first == '-' || (first >= '0' && first <= '9') ? value.raw_json_token().size() : 0;
}

bool pull(ondemand::parser &parser, const char *line, size_t length, size_t &bytes) {
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(padded_string_view(line, length, length + SIMDJSON_PADDING)).get(document)) return false;
    if (document.get_object().get(object)) return false;
    bool has_event = false, has_timestamp = false, ignored;
    for (auto entry : object) {
        ondemand::field field;
        if (std::move(entry).get(field)) return false;
        switch (kind_of(key_of(field))) {
        case wanted::no: break;
        case wanted::event: bytes += text_length(field.value(), has_event); break;
        case wanted::timestamp: bytes += text_length(field.value(), has_timestamp); break;
        case wanted::text: bytes += text_length(field.value(), ignored); break;
        case wanted::error: {
            if (*field.value().raw_json_token().data() != '{') {
                bytes += text_length(field.value(), ignored);
                break;
            }
            ondemand::object error;
            if (field.value().get_object().get(error)) return false;
            for (auto inner : error) {
                ondemand::field part;
                if (std::move(inner).get(part)) return false;
                const std::string_view key = key_of(part);
                if (key == "code" || key == "message") bytes += text_length(part.value(), ignored);
            }
            break;
        }
        }
    }
    return has_event && has_timestamp;
}

} // namespace

extern "C" size_t baseline_pull_fields(
    const unsigned char *data, const size_t *offsets, size_t count, size_t *field_bytes) {
    ondemand::parser parser;
    size_t read = 0, bytes = 0;
    for (size_t line = 0; line < count; line++) {
        const char *start = reinterpret_cast<const char *>(data) + offsets[line];
        if (pull(parser, start, offsets[line + 1] - offsets[line], bytes)) read++;
    }
    if (field_bytes) *field_bytes = bytes;
    return read;
}
