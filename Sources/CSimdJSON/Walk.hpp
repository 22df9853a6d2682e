#pragma once
// simdjson's first stage finds where every token starts, and checks UTF-8 and the control characters in
// strings, at gigabytes a second with the widest instructions the processor has. On-Demand, its second
// stage, checks only what is asked for; a message has to be JSON as a whole, so the walk over the tokens
// is here, and checks all of them, while it picks up the known fields. No recursion: nesting costs no stack.
#include "Text.hpp"

namespace {

constexpr unsigned maxDepth = 512;

struct Walk {
    // Where unescaped texts go; the owner sees to it that there is room.
    uint8_t *scratch = nullptr;
    size_t scratchLength = 0;

    // The document at hand.
    const uint8_t *bytes = nullptr;
    size_t length = 0;
    const uint32_t *tokens = nullptr;
    uint32_t tokenCount = 0;
    bool hasBackslash = false;
    uint32_t errorOffset = 0;
    const char *expected = nullptr;
    bool isObject[maxDepth];

    Value values[fieldCount];
    Value message;

    bool fail(size_t offset, const char *what) {
        errorOffset = uint32_t(offset);
        expected = what;
        return false;
    }

    uint8_t first(uint32_t token) const { return token < tokenCount ? bytes[tokens[token]] : 0; }
    size_t offsetOf(uint32_t token) const { return token < tokenCount ? tokens[token] : length; }

    // Behind the last byte of a token: blanks up to the next one are not part of it.
    size_t endOf(uint32_t token) const {
        size_t end = offsetOf(token + 1);
        while (isBlank(bytes[end - 1])) --end;
        return end;
    }

    // Checks the escapes of a string's inside.
    bool checkEscapes(const uint8_t *at, const uint8_t *end) {
        while ((at = static_cast<const uint8_t *>(std::memchr(at, '\\', size_t(end - at))))) {
            if (end - at < 2) return fail(size_t(at - bytes), "an escape");
            switch (at[1]) {
            case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
                at += 2;
                break;
            case 'u':
                if (hex4(at + 2, end) < 0)
                    return fail(size_t(at - bytes), "four hexadecimal digits after \\u");
                at += 6;
                break;
            default:
                return fail(size_t(at - bytes), "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u");
            }
        }
        return true;
    }

    // Appends the unescaped text to the scratch buffer, which has room: no text grows. The escapes are
    // known to be right. What no column can hold (a lone surrogate, NUL) becomes U+FFFD.
    void unescape(const uint8_t *at, const uint8_t *end, const uint8_t *&start, uint32_t &count) {
        uint8_t *const begin = scratch + scratchLength;
        uint8_t *out = begin;
        while (at < end) {
            if (*at != '\\') {
                *out++ = *at++;
                continue;
            }
            const uint8_t letter = at[1];
            at += 2;
            switch (letter) {
            case 'b': *out++ = '\b'; break;
            case 'f': *out++ = '\f'; break;
            case 'n': *out++ = '\n'; break;
            case 'r': *out++ = '\r'; break;
            case 't': *out++ = '\t'; break;
            case 'u': {
                uint32_t code = uint32_t(hex4(at, end));
                at += 4;
                if (code >= 0xD800 && code < 0xDC00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
                    const uint32_t low = uint32_t(hex4(at + 2, end));
                    if (low >= 0xDC00 && low < 0xE000) {
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                        at += 6;
                    }
                }
                if (code == 0 || (code >= 0xD800 && code < 0xE000)) code = replacement;
                out = appendUTF8(out, code);
                break;
            }
            default: *out++ = letter; break;
            }
        }
        start = begin;
        count = uint32_t(out - begin);
        scratchLength += count;
    }

    // The inside of the string at a token, its escapes checked.
    bool string(uint32_t token, const uint8_t *&start, const uint8_t *&end, bool &escaped) {
        const size_t begin = tokens[token], behind = endOf(token);
        if (behind < begin + 2 || bytes[behind - 1] != '"') return fail(begin, "a closed string");
        start = bytes + begin + 1;
        end = bytes + behind - 1;
        escaped = hasBackslash && std::memchr(start, '\\', size_t(end - start)) != nullptr;
        return !escaped || checkEscapes(start, end);
    }

    // Checks a number, true, false or null.
    bool scalar(uint32_t token, Kind &kind) {
        if (token >= tokenCount) return fail(length, "a value");
        const uint8_t *at = bytes + tokens[token];
        const uint8_t *const end = bytes + endOf(token);
        const size_t count = size_t(end - at);
        switch (*at) {
        case 't':
            kind = kindOther;
            return (count == 4 && equal(at, "true", 4)) || fail(tokens[token], "a value");
        case 'f':
            kind = kindOther;
            return (count == 5 && equal(at, "false", 5)) || fail(tokens[token], "a value");
        case 'n':
            kind = kindNull;
            return (count == 4 && equal(at, "null", 4)) || fail(tokens[token], "a value");
        case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7':
        case '8': case '9':
            kind = kindNumber;
            return isNumber(at, end) || fail(tokens[token], "a number as RFC 8259 writes it");
        default:
            return fail(tokens[token], "a value");
        }
    }

    static bool isNumber(const uint8_t *at, const uint8_t *end) {
        if (at < end && *at == '-') ++at;
        if (at == end || !isDigit(*at)) return false;
        if (*at++ != '0') {
            while (at < end && isDigit(*at)) ++at;
        }
        if (at < end && *at == '.') {
            if (++at == end || !isDigit(*at)) return false;
            while (at < end && isDigit(*at)) ++at;
        }
        if (at < end && (*at | 0x20) == 'e') {
            if (++at < end && (*at == '+' || *at == '-')) ++at;
            if (at == end || !isDigit(*at)) return false;
            while (at < end && isDigit(*at)) ++at;
        }
        return at == end;
    }

    // Checks a key and its colon; leaves `token` at the value.
    bool key(uint32_t &token, const uint8_t *&start, const uint8_t *&end, bool &escaped) {
        if (first(token) != '"') return fail(offsetOf(token), "a key in quotes");
        if (!string(token, start, end, escaped)) return false;
        if (first(++token) != ':') return fail(offsetOf(token), "':' after the key");
        ++token;
        return true;
    }

    // Checks a value with everything in it; leaves `token` behind it. `around`: the objects and arrays
    // that it stands in.
    bool skip(uint32_t &token, const unsigned around) {
        unsigned depth = around;
        const uint8_t *start, *end;
        bool escaped;
        Kind kind;
        for (;;) {
            const uint8_t c = first(token);
            if (c == '{' || c == '[') {
                if (depth == maxDepth) return fail(offsetOf(token), "at most 512 levels of nesting");
                isObject[depth++] = c == '{';
                ++token;
                if (first(token) == (c == '{' ? '}' : ']')) {
                    ++token;
                    --depth;
                } else if (c == '[' || key(token, start, end, escaped)) {
                    continue;
                } else {
                    return false;
                }
            } else if (c == '"') {
                if (!string(token, start, end, escaped)) return false;
                ++token;
            } else {
                if (!scalar(token, kind)) return false;
                ++token;
            }
            for (;;) {
                if (depth == around) return true;
                const bool object = isObject[depth - 1];
                const uint8_t next = first(token);
                if (next == ',') {
                    ++token;
                    if (object && !key(token, start, end, escaped)) return false;
                    break;
                }
                if (next != (object ? '}' : ']'))
                    return fail(offsetOf(token), object ? "',' or '}'" : "',' or ']'");
                ++token;
                --depth;
            }
        }
    }

    // Reads a value that is wanted, unescaping a string.
    bool read(uint32_t &token, unsigned around, Value &value) {
        const uint8_t c = first(token);
        if (c == '"') {
            const uint8_t *start, *end;
            bool escaped;
            if (!string(token, start, end, escaped)) return false;
            value.kind = kindString;
            if (escaped) {
                unescape(start, end, value.start, value.length);
            } else {
                value.start = start;
                value.length = uint32_t(end - start);
            }
            ++token;
            return true;
        }
        if (c == '{' || c == '[') {
            value = Value{nullptr, 0, kindOther};
            return skip(token, around);
        }
        if (!scalar(token, value.kind)) return false;
        value.start = bytes + tokens[token];
        value.length = uint32_t(endOf(token) - tokens[token]);
        ++token;
        return true;
    }

    // Walks an object's fields; leaves `token` behind it. Of a key that stands twice the last one counts.
    template <bool isError> bool object(uint32_t &token, unsigned around) {
        if (first(++token) == '}') {
            ++token;
            return true;
        }
        for (;;) {
            const uint8_t *start, *end;
            bool escaped;
            if (!key(token, start, end, escaped)) return false;
            Field field = fieldUnknown;
            if (!escaped) {
                field = isError ? errorFieldOf(start, size_t(end - start)) : fieldOf(start, size_t(end - start));
            } else {
                const size_t before = scratchLength;
                const uint8_t *text;
                uint32_t count;
                unescape(start, end, text, count);
                field = isError ? errorFieldOf(text, count) : fieldOf(text, count);
                scratchLength = before;
            }
            if (field < fieldCount) {
                if (!read(token, around + 1, values[field])) return false;
            } else if (field == fieldUnknown) {
                if (!skip(token, around + 1)) return false;
            } else if (field == fieldMessage) {
                if (!read(token, around + 1, message)) return false;
            } else if (!error(token, around + 1)) {
                return false;
            }
            const uint8_t next = first(token);
            if (next == ',') {
                ++token;
                continue;
            }
            if (next != '}') return fail(offsetOf(token), "',' or '}'");
            ++token;
            return true;
        }
    }

    bool error(uint32_t &token, unsigned around) {
        values[fieldErrorCode].kind = kindAbsent;
        values[fieldErrorMessage].kind = kindAbsent;
        if (first(token) == '{') return object<true>(token, around);
        return read(token, around, values[fieldErrorCode]);
    }
};

} // namespace
