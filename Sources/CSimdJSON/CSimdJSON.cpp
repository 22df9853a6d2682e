// simdjson's On-Demand is lazy: what nobody asks for is not checked. An event is stored as it came and must
// be JSON for whoever reads it later, so this walks every value of a message, and checks what the library
// leaves to the reader: escapes, numbers and atoms. Numbers are kept as text, so any size is fine.
#include "CSimdJSON.h"

#include <simdjson.h>

#include <cstring>
#include <new>
#include <string>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace simdjson;

struct csj_parser {
    ondemand::parser parser;
    std::string scratch[CSJ_FIELD_COUNT];
};

namespace {

constexpr int max_depth = 512;

struct failure {
    csj_status status;
    const char *problem;
    const char *at;
};

struct names { const char *text; uint8_t length; csj_field field; };
#define NAME(text, field) { text, sizeof(text) - 1, field }
constexpr names known[] = {
    NAME("event", CSJ_FIELD_EVENT), NAME("timestamp", CSJ_FIELD_TIMESTAMP), NAME("event_id", CSJ_FIELD_EVENT_ID),
    NAME("delivery_id", CSJ_FIELD_DELIVERY), NAME("demand_id", CSJ_FIELD_DEMAND), NAME("trip_id", CSJ_FIELD_TRIP),
    NAME("quote_id", CSJ_FIELD_QUOTE), NAME("offer_id", CSJ_FIELD_OFFER), NAME("robot_id", CSJ_FIELD_ROBOT),
    NAME("pilot_id", CSJ_FIELD_PILOT), NAME("merchant_id", CSJ_FIELD_MERCHANT), NAME("zone_id", CSJ_FIELD_ZONE),
    NAME("parking_lot_id", CSJ_FIELD_PARKING_LOT), NAME("source", CSJ_FIELD_SOURCE), NAME("state", CSJ_FIELD_STATE),
    NAME("from_state", CSJ_FIELD_FROM_STATE), NAME("to_state", CSJ_FIELD_TO_STATE), NAME("reason", CSJ_FIELD_REASON),
    NAME("rejection_reason", CSJ_FIELD_REJECTION_REASON), NAME("error", CSJ_FIELD_ERROR),
    NAME("message", CSJ_FIELD_MESSAGE),
};

// The keys of interest by length and first letter would do for most; the list is short, so length decides.
int field_of(std::string_view key) {
    for (const names &name : known) {
        if (name.length == key.size() && memcmp(name.text, key.data(), key.size()) == 0) return name.field;
    }
    return -1;
}

inline bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

// RFC 8259: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool is_number(std::string_view text) {
    size_t i = 0;
    auto digits = [&] { size_t start = i; while (i < text.size() && text[i] >= '0' && text[i] <= '9') i++; return i - start; };
    if (i < text.size() && text[i] == '-') i++;
    if (i < text.size() && text[i] == '0') i++;
    else if (digits() == 0) return false;
    if (i < text.size() && text[i] == '.') { i++; if (digits() == 0) return false; }
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < text.size() && (text[i] == '+' || text[i] == '-')) i++;
        if (digits() == 0) return false;
    }
    return i == text.size();
}

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int hex4(const char *at) {
    int value = 0;
    for (int i = 0; i < 4; i++) { int digit = hex(at[i]); if (digit < 0) return -1; value = value << 4 | digit; }
    return value;
}

void append_utf8(std::string &out, uint32_t code) {
    if (code < 0x80) out += char(code);
    else if (code < 0x800) { out += char(0xC0 | code >> 6); out += char(0x80 | (code & 63)); }
    else if (code < 0x10000) { out += char(0xE0 | code >> 12); out += char(0x80 | (code >> 6 & 63)); out += char(0x80 | (code & 63)); }
    else { out += char(0xF0 | code >> 18); out += char(0x80 | (code >> 12 & 63)); out += char(0x80 | (code >> 6 & 63)); out += char(0x80 | (code & 63)); }
}

// The text between the quotes. Lone surrogates and NUL become U+FFFD where the text is wanted.
void unescape(const char *at, const char *end, std::string *out, const failure &bad) {
    while (at < end) {
        if (*at != '\\') { if (out) *out += *at; at++; continue; }
        if (at + 1 >= end) throw bad;
        char kind = at[1];
        at += 2;
        switch (kind) {
        case '"': case '\\': case '/': if (out) *out += kind; break;
        case 'b': if (out) *out += '\b'; break;
        case 'f': if (out) *out += '\f'; break;
        case 'n': if (out) *out += '\n'; break;
        case 'r': if (out) *out += '\r'; break;
        case 't': if (out) *out += '\t'; break;
        case 'u': {
            if (end - at < 4) throw bad;
            int code = hex4(at);
            if (code < 0) throw bad;
            at += 4;
            uint32_t full = uint32_t(code);
            if (code >= 0xD800 && code < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
                int low = hex4(at + 2);
                if (low >= 0xDC00 && low < 0xE000) { full = 0x10000 + ((uint32_t(code) - 0xD800) << 10) + (uint32_t(low) - 0xDC00); at += 6; }
            }
            if ((full >= 0xD800 && full < 0xE000) || full == 0) full = 0xFFFD;
            if (out) append_utf8(*out, full);
            break;
        }
        default: throw bad;
        }
    }
}

template <typename T> T must(simdjson_result<T> &&result, const char *at) {
    T value;
    error_code error = std::move(result).get(value);
    if (!error) return value;
    if (error == UTF8_ERROR) throw failure{CSJ_INVALID_UTF8, "bytes that are not UTF-8", at};
    if (error == DEPTH_ERROR) throw failure{CSJ_TOO_DEEP, "nested deeper than 512 levels", at};
    throw failure{CSJ_MALFORMED, error_message(error), at};
}

// What is between the quotes of a string token.
std::string_view between_quotes(std::string_view token) {
    token = trimmed(token);
    if (token.size() < 2 || token.back() != '"') throw failure{CSJ_MALFORMED, "a string that does not end", token.data()};
    return token.substr(1, token.size() - 2);
}

// A key as it stands, up to its closing quote (stage 1 has seen that there is one).
std::string_view key_of(ondemand::field &field) {
    const char *start = field.key().raw();
    const char *end = start;
    while (*end != '"') end += *end == '\\' ? 2 : 1;
    return std::string_view(start, size_t(end - start));
}

bool has_escape(std::string_view text) { return memchr(text.data(), '\\', text.size()) != nullptr; }

// Scalars are checked by their tokens and never consumed: On-Demand steps over what was not consumed, and a
// number may then be of any size.
void check_scalar(std::string_view token, ondemand::json_type type) {
    switch (type) {
    case ondemand::json_type::string: {
        std::string_view text = between_quotes(token);
        if (has_escape(text)) unescape(text.data(), text.data() + text.size(), nullptr, {CSJ_MALFORMED, "an escape that JSON does not have", text.data()});
        break;
    }
    case ondemand::json_type::number:
        if (!is_number(trimmed(token))) throw failure{CSJ_MALFORMED, "a number that JSON does not allow", token.data()};
        break;
    case ondemand::json_type::boolean:
        if (trimmed(token) != "true" && trimmed(token) != "false") throw failure{CSJ_MALFORMED, "a word that JSON does not have", token.data()};
        break;
    case ondemand::json_type::null:
        if (trimmed(token) != "null") throw failure{CSJ_MALFORMED, "a word that JSON does not have", token.data()};
        break;
    case ondemand::json_type::object:
    case ondemand::json_type::array: break;
    }
}

void check(ondemand::value value, int depth) {
    std::string_view token = value.raw_json_token();
    const char *at = token.data();
    if (depth > max_depth) throw failure{CSJ_TOO_DEEP, "nested deeper than 512 levels", at};
    ondemand::json_type type = must(value.type(), at);
    if (type == ondemand::json_type::object) {
        ondemand::object object = must(value.get_object(), at);
        for (auto entry : object) {
            ondemand::field field = must(std::move(entry), at);
            std::string_view key = key_of(field);
            if (has_escape(key)) unescape(key.data(), key.data() + key.size(), nullptr, {CSJ_MALFORMED, "an escape that JSON does not have", key.data()});
            check(field.value(), depth + 1);
        }
    } else if (type == ondemand::json_type::array) {
        ondemand::array array = must(value.get_array(), at);
        for (auto element : array) check(must(std::move(element), at), depth + 1);
    } else {
        check_scalar(token, type);
    }
}

struct reader {
    csj_parser &parser;
    csj_message &out;

    void clear(int field) {
        out.fields[field] = {nullptr, 0};
        out.types[field] = CSJ_ABSENT;
    }

    void keep(int field, std::string_view token, ondemand::json_type type) {
        check_scalar(token, type);
        if (type == ondemand::json_type::string) {
            std::string_view text = between_quotes(token);
            if (has_escape(text)) {
                std::string &scratch = parser.scratch[field];
                scratch.clear();
                unescape(text.data(), text.data() + text.size(), &scratch, {CSJ_MALFORMED, "an escape that JSON does not have", text.data()});
                text = scratch;
            }
            out.fields[field] = {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
            out.types[field] = CSJ_STRING;
        } else if (type == ondemand::json_type::number) {
            std::string_view text = trimmed(token);
            out.fields[field] = {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
            out.types[field] = CSJ_NUMBER;
        } else {
            out.fields[field] = {nullptr, 0};
            out.types[field] = type == ondemand::json_type::null ? CSJ_NULL : CSJ_OTHER;
        }
    }

    void error(ondemand::value value) {
        std::string_view token = value.raw_json_token();
        ondemand::object object = must(value.get_object(), token.data());
        for (auto entry : object) {
            ondemand::field field = must(std::move(entry), token.data());
            std::string_view key = key_of(field);
            if (has_escape(key)) unescape(key.data(), key.data() + key.size(), nullptr, {CSJ_MALFORMED, "an escape that JSON does not have", key.data()});
            int inner = key == "code" ? CSJ_FIELD_ERROR_CODE : key == "message" ? CSJ_FIELD_ERROR_MESSAGE : -1;
            one(inner, field.value(), 2);
        }
    }

    void one(int field, ondemand::value value, int depth) {
        std::string_view token = value.raw_json_token();
        ondemand::json_type type = must(value.type(), token.data());
        bool nested = type == ondemand::json_type::object || type == ondemand::json_type::array;
        if (field == CSJ_FIELD_ERROR) {
            clear(CSJ_FIELD_ERROR_CODE);
            clear(CSJ_FIELD_ERROR_MESSAGE);
            out.fields[field] = {nullptr, 0};
            out.types[field] = CSJ_OTHER;
            if (type == ondemand::json_type::object) { error(value); return; }
        }
        if (nested) {
            if (field >= 0) { out.fields[field] = {nullptr, 0}; out.types[field] = CSJ_OTHER; }
            check(value, depth);
        } else if (field >= 0) {
            keep(field, token, type);
        } else {
            check_scalar(token, type);
        }
    }

    void message(ondemand::object object, const char *text) {
        std::string unescaped;
        for (auto entry : object) {
            ondemand::field field = must(std::move(entry), text);
            std::string_view key = key_of(field);
            if (has_escape(key)) {
                unescaped.clear();
                unescape(key.data(), key.data() + key.size(), &unescaped, {CSJ_MALFORMED, "an escape that JSON does not have", key.data()});
                key = unescaped;
            }
            one(field_of(key), field.value(), 2);
        }
    }
};

}  // namespace

extern "C" csj_parser *csj_parser_create(void) { return new (std::nothrow) csj_parser(); }
extern "C" void csj_parser_destroy(csj_parser *parser) { delete parser; }

extern "C" csj_status csj_parse(csj_parser *parser, const uint8_t *text, size_t length, csj_message *out) {
    const char *base = reinterpret_cast<const char *>(text);
    memset(out, 0, sizeof *out);
    auto refuse = [&](csj_status status, const char *problem, const char *at) {
        out->problem = problem;
        out->position = at >= base && at <= base + length ? size_t(at - base) : 0;
        return status;
    };
    try {
        if (!simdjson::validate_utf8(base, length)) return refuse(CSJ_INVALID_UTF8, "bytes that are not UTF-8", base);
        padded_string_view view(base, length, length + SIMDJSON_PADDING);
        ondemand::document document = must(parser->parser.iterate(view), base);
        ondemand::json_type type = must(document.type(), base);
        if (type != ondemand::json_type::object) {
            if (type == ondemand::json_type::array) {
                ondemand::array array = must(document.get_array(), base);
                for (auto element : array) check(must(std::move(element), base), 2);
            } else {
                std::string_view token = trimmed(std::string_view(base, length));
                while (!token.empty() && blank(token.front())) token.remove_prefix(1);
                std::string_view first = must(document.raw_json_token(), base);
                check_scalar(first, type);
                if (trimmed(first).size() != token.size()) throw failure{CSJ_MALFORMED, "text after the end of the value", base};
            }
            return refuse(CSJ_NOT_AN_OBJECT, "JSON, but not an object", base);
        }
        ondemand::object object = must(document.get_object(), base);
        reader{*parser, *out}.message(object, base);
        const char *rest = nullptr;
        if (!document.current_location().get(rest)) throw failure{CSJ_MALFORMED, "text after the end of the object", rest};
        return CSJ_OK;
    } catch (const failure &bad) {
        return refuse(bad.status, bad.problem, bad.at);
    } catch (const std::bad_alloc &) {
        return refuse(CSJ_MALFORMED, "too large for memory", base);
    } catch (const simdjson_error &error) {
        return refuse(CSJ_MALFORMED, error_message(error.error()), base);
    }
}

extern "C" csj_hash128 csj_hash(const void *bytes, size_t length) {
    XXH128_hash_t hash = XXH3_128bits(bytes, length);
    return {hash.high64, hash.low64};
}
