#include "CSimdJSON.h"

#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include <simdjson.h>

// One field by a name that is only known at run time, through simdjson's own parser: for tools, not for the hot path.

struct csj_reader {
    simdjson::dom::parser parser;
};

csj_reader *csj_reader_create(void) { return new (std::nothrow) csj_reader; }
void csj_reader_destroy(csj_reader *reader) { delete reader; }

size_t csj_outer_field(
    csj_reader *reader, const uint8_t *message, size_t length, const char *name, uint8_t *out, size_t room
) {
    simdjson::dom::element document;
    simdjson::dom::element value;
    if (reader->parser.parse(message, length).get(document)) return 0;
    if (document.at_key(name).get(value)) return 0;
    std::string_view text;
    std::string number;
    if (value.is_string()) {
        if (value.get(text)) return 0;
    } else if (value.is_number()) {
        number = simdjson::minify(value);
        text = number;
    }
    const size_t count = text.size() < room ? text.size() : room;
    if (count > 0) std::memcpy(out, text.data(), count);
    return count;
}
