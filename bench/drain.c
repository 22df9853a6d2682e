/* How fast librabbitmq alone empties a queue: drain HOST PORT QUEUE COUNT PREFETCH
 *
 * The yardstick of bench/live.py: one frame after the other, bodies counted and thrown away, one acknowledgement with
 * `multiple` for each half of the prefetch (what the service's batches come to) and for the rest. Prints one line of
 * JSON; the clock runs from before connecting to the last acknowledgement. */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void fail(const char *what, int status) {
    fprintf(stderr, "drain: %s: %s\n", what, status < 0 ? amqp_error_string2(status) : "refused by the broker");
    exit(1);
}

static void check(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail(what, reply.library_error);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count_of_words, char **words) {
    if (count_of_words != 6) {
        fprintf(stderr, "usage: drain HOST PORT QUEUE COUNT PREFETCH\n");
        return 2;
    }
    const uint64_t wanted = strtoull(words[4], NULL, 10);
    const unsigned prefetch = (unsigned)strtoul(words[5], NULL, 10);
    const uint64_t batch = prefetch / 2 > 0 ? prefetch / 2 : 1;
    const double start = now();

    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (!socket) fail("a socket", AMQP_STATUS_NO_MEMORY);
    int status = amqp_socket_open(socket, words[1], (int)strtol(words[2], NULL, 10));
    if (status != AMQP_STATUS_OK) fail("connecting", status);
    check(amqp_login(connection, "/", 0, 131072, 30, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "logging in");
    amqp_channel_open(connection, 1);
    check(amqp_get_rpc_reply(connection), "opening a channel");
    amqp_basic_qos(connection, 1, 0, (uint16_t)prefetch, 0);
    check(amqp_get_rpc_reply(connection), "setting the prefetch");
    amqp_basic_consume(connection, 1, amqp_cstring_bytes(words[3]), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(connection), "consuming");

    uint64_t messages = 0, bytes = 0, tag = 0, acknowledged = 0, missing = 0;
    while (messages < wanted) {
        amqp_frame_t frame;
        status = amqp_simple_wait_frame(connection, &frame);
        if (status != AMQP_STATUS_OK) fail("waiting for a frame", status);
        int is_whole = 0;
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            if (frame.payload.method.id != AMQP_BASIC_DELIVER_METHOD) fail("an unexpected method", 0);
            tag = ((amqp_basic_deliver_t *)frame.payload.method.decoded)->delivery_tag;
        } else if (frame.frame_type == AMQP_FRAME_HEADER) {
            missing = frame.payload.properties.body_size;
            is_whole = missing == 0;
        } else if (frame.frame_type == AMQP_FRAME_BODY) {
            bytes += frame.payload.body_fragment.len;
            missing -= frame.payload.body_fragment.len;
            is_whole = missing == 0;
        }
        if (!is_whole) continue;
        messages++;
        amqp_maybe_release_buffers(connection);
        if (tag - acknowledged >= batch || messages == wanted) {
            status = amqp_basic_ack(connection, 1, tag, 1);
            if (status != AMQP_STATUS_OK) fail("acknowledging", status);
            acknowledged = tag;
        }
    }
    const double seconds = now() - start;
    amqp_channel_close(connection, 1, AMQP_REPLY_SUCCESS);
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
    printf("{\"messages\":%llu,\"bytes\":%llu,\"seconds\":%f}\n", (unsigned long long)messages,
           (unsigned long long)bytes, seconds);
    return 0;
}
