#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <microhttpd.h>

/* What a daemon is started with. */
struct cmhd_options {
    /* Where to listen; not looked at where a socket listens already (-1: none does). */
    const struct sockaddr *address;
    int listening;
    int is_ipv6;
    unsigned int threads, connections, connections_of_address, timeout_seconds;
    size_t head_bytes;
    /* PEM texts, or NULL for plain HTTP. */
    const char *certificate, *key;
    MHD_AccessHandlerCallback handler;
    void *(*begin)(void *context, const char *target, struct MHD_Connection *connection);
    MHD_RequestCompletedCallback completed;
    void *context;
};

/* MHD_start_daemon is variadic, which Swift cannot call. */
static inline struct MHD_Daemon *cmhd_start(const struct cmhd_options *o) {
    unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_ALLOW_SUSPEND_RESUME
        | (o->is_ipv6 ? MHD_USE_IPv6 : 0) | (o->key ? MHD_USE_TLS : 0);
    struct MHD_OptionItem items[15];
    size_t n = 0;
    if (o->listening >= 0)
        items[n++] = (struct MHD_OptionItem) {MHD_OPTION_LISTEN_SOCKET, o->listening, NULL};
    else
        items[n++] = (struct MHD_OptionItem) {MHD_OPTION_SOCK_ADDR, 0, (void *)o->address};
    if (o->threads > 1)
        items[n++] = (struct MHD_OptionItem) {MHD_OPTION_THREAD_POOL_SIZE, o->threads, NULL};
    items[n++] = (struct MHD_OptionItem) {MHD_OPTION_CONNECTION_LIMIT, o->connections, NULL};
    items[n++] = (struct MHD_OptionItem) {MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_of_address, NULL};
    items[n++] = (struct MHD_OptionItem) {MHD_OPTION_CONNECTION_TIMEOUT, o->timeout_seconds, NULL};
    items[n++] = (struct MHD_OptionItem) {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)o->head_bytes, NULL};
    items[n++] = (struct MHD_OptionItem) {
        MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)o->completed, o->context};
    items[n++] = (struct MHD_OptionItem) {
        MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)o->begin, o->context};
    if (o->key) {
        items[n++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)o->key};
        items[n++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)o->certificate};
        items[n++] = (struct MHD_OptionItem) {
            MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
    }
    items[n++] = (struct MHD_OptionItem) {MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, NULL, NULL, o->handler, o->context, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

/* The port it listens on, where any was asked for. 0 when unknown. */
static inline uint16_t cmhd_port(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

/* The socket that it listens on; -1 when unknown. */
static inline int cmhd_listening(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD);
    return info ? info->listen_fd : -1;
}

/* How many connections it has. */
static inline unsigned int cmhd_connections(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}

/* Where a connection comes from; NULL when unknown. */
static inline const struct sockaddr *cmhd_client(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

/* Closed enumerations, which Swift imports under names of its own making. */
static inline enum MHD_Result cmhd_result(int is_well) { return is_well ? MHD_YES : MHD_NO; }
static inline int cmhd_headers(struct MHD_Connection *connection, MHD_KeyValueIterator each, void *context) {
    return MHD_get_connection_values(connection, MHD_HEADER_KIND, each, context);
}
static inline struct MHD_Response *cmhd_copied(const void *bytes, size_t length) {
    return MHD_create_response_from_buffer(length, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}
/* What a reader of content answers at its end, and where it failed. */
static inline ssize_t cmhd_end(void) { return MHD_CONTENT_READER_END_OF_STREAM; }
static inline ssize_t cmhd_failure(void) { return MHD_CONTENT_READER_END_WITH_ERROR; }
