#pragma once
#include <cjose/cjose.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

/* jansson's tests are macros, which Swift cannot see. */
static inline int cjose_shim_is_string(const json_t *value) { return json_is_string(value); }
static inline int cjose_shim_is_array(const json_t *value) { return json_is_array(value); }
static inline int cjose_shim_is_number(const json_t *value) { return json_is_number(value); }
static inline void cjose_shim_release(json_t *value) { json_decref(value); }
