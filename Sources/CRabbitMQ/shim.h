#pragma once
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <sys/time.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <amqp_ssl_socket.h>

/* librabbitmq 0.11 hands out unions, variadic functions and casts in macros, none of which Swift can use: here is
   a flat face on what is needed, one frame at a time. Nothing here allocates for a delivery. */

typedef enum crmq_kind {
    CRMQ_NOTHING = 0,
    CRMQ_DELIVER,
    CRMQ_HEADER,
    CRMQ_BODY,
    CRMQ_ACK,
    CRMQ_NACK,
    CRMQ_RETURN,
    CRMQ_CANCEL,
    CRMQ_CHANNEL_CLOSE,
    CRMQ_CONNECTION_CLOSE,
    CRMQ_BLOCKED,
    CRMQ_UNBLOCKED,
    CRMQ_DEPTH,
    CRMQ_OTHER,
    CRMQ_FAILED
} crmq_kind;

typedef struct crmq_frame {
    crmq_kind kind;
    int status;            /* of CRMQ_FAILED: an amqp_status_enum */
    uint16_t channel;
    uint16_t code;         /* of a close or a return */
    int flag;              /* redelivered; multiple */
    uint64_t tag;
    uint64_t body_size;    /* of CRMQ_HEADER */
    uint32_t ready;        /* of CRMQ_DEPTH: messages */
    const void *bytes;     /* a body's part; the text of a close; a delivery's routing key. Valid until buffers are
                              released */
    size_t length;
    const amqp_basic_properties_t *properties; /* of CRMQ_HEADER; valid until buffers are released */
} crmq_frame;

static inline void crmq_text(crmq_frame *out, amqp_bytes_t text) {
    out->bytes = text.bytes;
    out->length = text.len;
}

/* Waits so long for a frame, and services heartbeats. CRMQ_NOTHING when none came. */
static inline void crmq_next(amqp_connection_state_t connection, int64_t timeout_us, crmq_frame *out) {
    amqp_frame_t frame;
    struct timeval timeout = {timeout_us / 1000000, timeout_us % 1000000};
    memset(out, 0, sizeof *out);
    int status = amqp_simple_wait_frame_noblock(connection, &frame, &timeout);
    if (status == AMQP_STATUS_TIMEOUT) return;
    if (status != AMQP_STATUS_OK) {
        out->kind = CRMQ_FAILED;
        out->status = status;
        return;
    }
    out->channel = frame.channel;
    out->kind = CRMQ_OTHER;
    if (frame.frame_type == AMQP_FRAME_HEADER) {
        out->kind = CRMQ_HEADER;
        out->body_size = frame.payload.properties.body_size;
        out->properties = (const amqp_basic_properties_t *)frame.payload.properties.decoded;
        return;
    }
    if (frame.frame_type == AMQP_FRAME_BODY) {
        out->kind = CRMQ_BODY;
        crmq_text(out, frame.payload.body_fragment);
        return;
    }
    if (frame.frame_type != AMQP_FRAME_METHOD) return;
    const void *decoded = frame.payload.method.decoded;
    switch (frame.payload.method.id) {
    case AMQP_BASIC_DELIVER_METHOD:
        out->kind = CRMQ_DELIVER;
        out->tag = ((const amqp_basic_deliver_t *)decoded)->delivery_tag;
        out->flag = ((const amqp_basic_deliver_t *)decoded)->redelivered;
        crmq_text(out, ((const amqp_basic_deliver_t *)decoded)->routing_key);
        break;
    case AMQP_BASIC_ACK_METHOD:
        out->kind = CRMQ_ACK;
        out->tag = ((const amqp_basic_ack_t *)decoded)->delivery_tag;
        out->flag = ((const amqp_basic_ack_t *)decoded)->multiple;
        break;
    case AMQP_BASIC_NACK_METHOD:
        out->kind = CRMQ_NACK;
        out->tag = ((const amqp_basic_nack_t *)decoded)->delivery_tag;
        out->flag = ((const amqp_basic_nack_t *)decoded)->multiple;
        break;
    case AMQP_BASIC_RETURN_METHOD:
        out->kind = CRMQ_RETURN;
        out->code = ((const amqp_basic_return_t *)decoded)->reply_code;
        crmq_text(out, ((const amqp_basic_return_t *)decoded)->reply_text);
        break;
    case AMQP_BASIC_CANCEL_METHOD:
        out->kind = CRMQ_CANCEL;
        break;
    case AMQP_CHANNEL_CLOSE_METHOD:
        out->kind = CRMQ_CHANNEL_CLOSE;
        out->code = ((const amqp_channel_close_t *)decoded)->reply_code;
        crmq_text(out, ((const amqp_channel_close_t *)decoded)->reply_text);
        break;
    case AMQP_CONNECTION_CLOSE_METHOD:
        out->kind = CRMQ_CONNECTION_CLOSE;
        out->code = ((const amqp_connection_close_t *)decoded)->reply_code;
        crmq_text(out, ((const amqp_connection_close_t *)decoded)->reply_text);
        break;
    case AMQP_CONNECTION_BLOCKED_METHOD:
        out->kind = CRMQ_BLOCKED;
        crmq_text(out, ((const amqp_connection_blocked_t *)decoded)->reason);
        break;
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        out->kind = CRMQ_UNBLOCKED;
        break;
    case AMQP_QUEUE_DECLARE_OK_METHOD:
        out->kind = CRMQ_DEPTH;
        out->ready = ((const amqp_queue_declare_ok_t *)decoded)->message_count;
        break;
    default:
        break;
    }
}

/* What a call that waits for a reply came to: CRMQ_NOTHING when well, CRMQ_FAILED, or one of the two closes. */
static inline void crmq_explain(amqp_rpc_reply_t reply, crmq_frame *out) {
    memset(out, 0, sizeof *out);
    switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
        return;
    case AMQP_RESPONSE_SERVER_EXCEPTION:
        if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
            const amqp_channel_close_t *close = (const amqp_channel_close_t *)reply.reply.decoded;
            out->kind = CRMQ_CHANNEL_CLOSE;
            out->code = close->reply_code;
            crmq_text(out, close->reply_text);
            return;
        }
        if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
            const amqp_connection_close_t *close = (const amqp_connection_close_t *)reply.reply.decoded;
            out->kind = CRMQ_CONNECTION_CLOSE;
            out->code = close->reply_code;
            crmq_text(out, close->reply_text);
            return;
        }
        out->kind = CRMQ_FAILED;
        out->status = AMQP_STATUS_UNEXPECTED_STATE;
        return;
    default:
        out->kind = CRMQ_FAILED;
        out->status = reply.library_error == 0 ? AMQP_STATUS_CONNECTION_CLOSED : reply.library_error;
        return;
    }
}

static inline void crmq_last_reply(amqp_connection_state_t connection, crmq_frame *out) {
    crmq_explain(amqp_get_rpc_reply(connection), out);
}

/* The answer to a close, without which the broker keeps the channel or the connection half open. */
static inline int crmq_answer_channel_close(amqp_connection_state_t connection, uint16_t channel) {
    amqp_channel_close_ok_t ok = {0};
    return amqp_send_method(connection, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
}
static inline int crmq_answer_connection_close(amqp_connection_state_t connection) {
    amqp_connection_close_ok_t ok = {0};
    return amqp_send_method(connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
}

/* Asks for a queue's depth and does not wait: the answer comes among the other frames, as CRMQ_DEPTH. */
static inline int crmq_ask_depth(amqp_connection_state_t connection, uint16_t channel, amqp_bytes_t queue) {
    amqp_queue_declare_t passive = {0};
    passive.queue = queue;
    passive.passive = 1;
    return amqp_send_method(connection, channel, AMQP_QUEUE_DECLARE_METHOD, &passive);
}

/* One more consumer of the same queue on the same channel, with a prefetch of its own (`basic.qos` counts for consumers that
   begin after it), and does not wait: the one has no answer where `nowait` is set, the other's is CRMQ_OTHER. */
static inline int crmq_consume_more(
    amqp_connection_state_t connection, uint16_t channel, amqp_bytes_t queue, amqp_bytes_t tag, uint16_t prefetch
) {
    amqp_basic_qos_t qos = {0};
    qos.prefetch_count = prefetch;
    int status = amqp_send_method(connection, channel, AMQP_BASIC_QOS_METHOD, &qos);
    if (status != AMQP_STATUS_OK) return status;
    amqp_basic_consume_t consume = {0};
    consume.queue = queue;
    consume.consumer_tag = tag;
    consume.nowait = 1;
    return amqp_send_method(connection, channel, AMQP_BASIC_CONSUME_METHOD, &consume);
}

static inline amqp_bytes_t crmq_bytes(const void *bytes, size_t length) {
    amqp_bytes_t made = {length, (void *)bytes};
    return made;
}

/* Logs in (PLAIN), saying that cancellation of consumers and blocking are understood: without that the broker tells
   neither, and a consumer of a deleted queue waits for ever. A refused password is told with its reason. */
static inline void crmq_login(
    amqp_connection_state_t connection, const char *vhost, int heartbeat_seconds, const char *user,
    const char *password, const char *name, const char *version, crmq_frame *out
) {
    amqp_table_entry_t able[5];
    const char *abilities[5] = {
        "consumer_cancel_notify", "connection.blocked", "publisher_confirms", "basic.nack",
        "authentication_failure_close"};
    for (int i = 0; i < 5; i++) {
        able[i].key = amqp_cstring_bytes(abilities[i]);
        able[i].value.kind = AMQP_FIELD_KIND_BOOLEAN;
        able[i].value.value.boolean = 1;
    }
    amqp_table_entry_t properties[4];
    const char *keys[4] = {"product", "version", "connection_name", "capabilities"};
    const char *values[3] = {"sessionizer", version, name};
    for (int i = 0; i < 4; i++) {
        properties[i].key = amqp_cstring_bytes(keys[i]);
        if (i < 3) {
            properties[i].value.kind = AMQP_FIELD_KIND_UTF8;
            properties[i].value.value.bytes = amqp_cstring_bytes(values[i]);
        } else {
            properties[i].value.kind = AMQP_FIELD_KIND_TABLE;
            properties[i].value.value.table.num_entries = 5;
            properties[i].value.value.table.entries = able;
        }
    }
    amqp_table_t table = {4, properties};
    crmq_explain(
        amqp_login_with_properties(
            connection, vhost, 0, AMQP_DEFAULT_FRAME_SIZE, heartbeat_seconds, &table,
            AMQP_SASL_METHOD_PLAIN, user, password),
        out);
}

/* A dead peer is noticed by the kernel as well: this library's writes have no deadline of their own. */
static inline int crmq_watch_socket(int descriptor, int seconds) {
    int on = 1, idle = seconds, interval = seconds / 3 > 0 ? seconds / 3 : 1, count = 3;
    unsigned int user_timeout = (unsigned int)seconds * 1000u;
    int failed = setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    failed |= setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    failed |= setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    failed |= setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    failed |= setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
    return failed;
}

/* Properties and headers, which are unions. */
static inline int crmq_has(const amqp_basic_properties_t *properties, uint32_t flag) {
    return properties && (properties->_flags & flag) != 0;
}
static inline amqp_table_t crmq_headers(const amqp_basic_properties_t *properties) {
    amqp_table_t none = {0, NULL};
    return crmq_has(properties, AMQP_BASIC_HEADERS_FLAG) ? properties->headers : none;
}

/* A field's value, flat. `what` says which of the others count; CRMQ_FIELD_OTHER is a kind the library has no name
   for. */
typedef enum crmq_field_kind {
    CRMQ_FIELD_OTHER = 0,
    CRMQ_FIELD_NOTHING,
    CRMQ_FIELD_FLAG,       /* integer is 0 or 1 */
    CRMQ_FIELD_INTEGER,
    CRMQ_FIELD_NATURAL,
    CRMQ_FIELD_SINGLE,     /* real, of four bytes */
    CRMQ_FIELD_DOUBLE,     /* real */
    CRMQ_FIELD_DECIMAL,    /* integer, divided by ten so often as places says */
    CRMQ_FIELD_TEXT,
    CRMQ_FIELD_BYTES,      /* text, which is none */
    CRMQ_FIELD_TIMESTAMP,  /* natural: seconds since the epoch */
    CRMQ_FIELD_TABLE,
    CRMQ_FIELD_ARRAY
} crmq_field_kind;

typedef struct crmq_field {
    crmq_field_kind what;
    int64_t integer;
    uint64_t natural;
    double real;
    int places;
    amqp_bytes_t text;
    amqp_table_t table;
    amqp_array_t array;
} crmq_field;

static inline const amqp_field_value_t *crmq_entry_value(const amqp_table_entry_t *entry) {
    return &entry->value;
}

static inline void crmq_read_field(const amqp_field_value_t *value, crmq_field *out) {
    memset(out, 0, sizeof *out);
    switch (value->kind) {
    case AMQP_FIELD_KIND_VOID: out->what = CRMQ_FIELD_NOTHING; return;
    case AMQP_FIELD_KIND_BOOLEAN:
        out->what = CRMQ_FIELD_FLAG;
        out->integer = value->value.boolean ? 1 : 0;
        return;
    case AMQP_FIELD_KIND_I8: out->what = CRMQ_FIELD_INTEGER; out->integer = value->value.i8; return;
    case AMQP_FIELD_KIND_U8: out->what = CRMQ_FIELD_INTEGER; out->integer = value->value.u8; return;
    case AMQP_FIELD_KIND_I16: out->what = CRMQ_FIELD_INTEGER; out->integer = value->value.i16; return;
    case AMQP_FIELD_KIND_U16: out->what = CRMQ_FIELD_INTEGER; out->integer = value->value.u16; return;
    case AMQP_FIELD_KIND_I32: out->what = CRMQ_FIELD_INTEGER; out->integer = value->value.i32; return;
    case AMQP_FIELD_KIND_U32: out->what = CRMQ_FIELD_INTEGER; out->integer = value->value.u32; return;
    case AMQP_FIELD_KIND_I64: out->what = CRMQ_FIELD_INTEGER; out->integer = value->value.i64; return;
    case AMQP_FIELD_KIND_U64: out->what = CRMQ_FIELD_NATURAL; out->natural = value->value.u64; return;
    case AMQP_FIELD_KIND_F32: out->what = CRMQ_FIELD_SINGLE; out->real = value->value.f32; return;
    case AMQP_FIELD_KIND_F64: out->what = CRMQ_FIELD_DOUBLE; out->real = value->value.f64; return;
    case AMQP_FIELD_KIND_DECIMAL:
        out->what = CRMQ_FIELD_DECIMAL;
        /* AMQP 0-9-1 section 4.2.5.5: "an octet representing the number of places followed by a signed long
           integer"; the library calls it unsigned. */
        out->integer = (int32_t)value->value.decimal.value;
        out->places = value->value.decimal.decimals;
        return;
    case AMQP_FIELD_KIND_UTF8: out->what = CRMQ_FIELD_TEXT; out->text = value->value.bytes; return;
    case AMQP_FIELD_KIND_BYTES: out->what = CRMQ_FIELD_BYTES; out->text = value->value.bytes; return;
    case AMQP_FIELD_KIND_TIMESTAMP: out->what = CRMQ_FIELD_TIMESTAMP; out->natural = value->value.u64; return;
    case AMQP_FIELD_KIND_TABLE: out->what = CRMQ_FIELD_TABLE; out->table = value->value.table; return;
    case AMQP_FIELD_KIND_ARRAY: out->what = CRMQ_FIELD_ARRAY; out->array = value->value.array; return;
    default: return;
    }
}

/* Arguments of a declaration or a consumer: keys with integers or texts. */
static inline void crmq_set_integer(amqp_table_entry_t *entry, amqp_bytes_t key, int64_t value) {
    entry->key = key;
    entry->value.kind = AMQP_FIELD_KIND_I64;
    entry->value.value.i64 = value;
}
static inline void crmq_set_text(amqp_table_entry_t *entry, amqp_bytes_t key, amqp_bytes_t value) {
    entry->key = key;
    entry->value.kind = AMQP_FIELD_KIND_UTF8;
    entry->value.value.bytes = value;
}
static inline void crmq_set_timestamp(amqp_table_entry_t *entry, amqp_bytes_t key, uint64_t seconds) {
    entry->key = key;
    entry->value.kind = AMQP_FIELD_KIND_TIMESTAMP;
    entry->value.value.u64 = seconds;
}

static inline void crmq_set_flag(amqp_table_entry_t *entry, amqp_bytes_t key, int flag) {
    entry->key = key;
    entry->value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry->value.value.boolean = flag;
}

/* Publishes one persistent JSON message with the time of publishing: as the property (seconds), and as the header
   that RabbitMQ's own message timestamp plugin sets (milliseconds). With one more header where that has a name. */
static inline int crmq_publish(
    amqp_connection_state_t connection, uint16_t channel, amqp_bytes_t exchange, amqp_bytes_t routing_key,
    amqp_bytes_t header_name, amqp_bytes_t header_value, int64_t now_ms, const void *body, size_t length
) {
    amqp_table_entry_t headers[2];
    amqp_basic_properties_t properties;
    memset(&properties, 0, sizeof properties);
    properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG
        | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_HEADERS_FLAG;
    properties.content_type = amqp_cstring_bytes("application/json");
    properties.delivery_mode = 2;
    properties.timestamp = (uint64_t)(now_ms / 1000);
    crmq_set_integer(&headers[0], amqp_cstring_bytes("timestamp_in_ms"), now_ms);
    if (header_name.len > 0) crmq_set_text(&headers[1], header_name, header_value);
    properties.headers.num_entries = header_name.len > 0 ? 2 : 1;
    properties.headers.entries = headers;
    return amqp_basic_publish(
        connection, channel, exchange, routing_key, 1, 0, &properties, crmq_bytes(body, length));
}
