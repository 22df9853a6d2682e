#pragma once
/* "simdjson alone": the yardstick that decoding is measured against. Benchmarks only; the product never calls it. */
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads the known fields of each line with simdjson's On-Demand and does nothing else with them.

   Line i is data[offsets[i]] up to data[offsets[i + 1]]; so `offsets` has count + 1 entries. A line may keep its
   line feed. At least 64 readable bytes must follow the last line.

   From each line that is an object it pulls `event`, `timestamp`, every id, `source`, `state`, `from_state`,
   `to_state`, `reason`, `rejection_reason`, and `error` with its `code` and `message`: strings as views
   (unescaped by simdjson), number ids as their raw text. Nothing is copied, hashed, interned or normalised, no
   timestamp is parsed, and what is not asked for is stepped over without being validated, as On-Demand does.

   Returns how many lines had a string `event` and a string `timestamp`. `field_bytes` (may be NULL) receives the
   sum of the lengths of all pulled fields, so that a compiler cannot leave the work out, and so that two readers
   can be seen to have pulled the same. */
size_t baseline_pull_fields(const unsigned char *data, const size_t *offsets, size_t count, size_t *field_bytes);

#ifdef __cplusplus
}
#endif
