#pragma once
// Escapes of strings.
#include "Fields.hpp"

namespace {

// -1 where it is no hexadecimal digit.
inline int hexDigit(uint8_t c) {
    if (isDigit(c)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The value of four hexadecimal digits, or -1.
inline int32_t hex4(const uint8_t *at, const uint8_t *end) {
    if (end - at < 4) return -1;
    int32_t value = 0;
    for (int digit = 0; digit < 4; ++digit) {
        const int next = hexDigit(at[digit]);
        if (next < 0) return -1;
        value = value << 4 | next;
    }
    return value;
}

uint8_t *appendUTF8(uint8_t *out, uint32_t code) {
    if (code < 0x80) {
        *out++ = uint8_t(code);
    } else if (code < 0x800) {
        *out++ = uint8_t(0xC0 | code >> 6);
        *out++ = uint8_t(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *out++ = uint8_t(0xE0 | code >> 12);
        *out++ = uint8_t(0x80 | (code >> 6 & 63));
        *out++ = uint8_t(0x80 | (code & 63));
    } else {
        *out++ = uint8_t(0xF0 | code >> 18);
        *out++ = uint8_t(0x80 | (code >> 12 & 63));
        *out++ = uint8_t(0x80 | (code >> 6 & 63));
        *out++ = uint8_t(0x80 | (code & 63));
    }
    return out;
}

constexpr uint32_t replacement = 0xFFFD;

} // namespace
