#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <microhttpd.h>

/* MHD_start_daemon is variadic, which Swift cannot call. `address` says where to listen; `threads` serve requests,
   each connection belonging to one of them. */
static inline struct MHD_Daemon *cmhd_start(
    const struct sockaddr *address, int is_ipv6, unsigned int threads, unsigned int connections,
    unsigned int timeout_seconds, MHD_AccessHandlerCallback handler, void *context,
    MHD_RequestCompletedCallback completed
) {
    unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | (is_ipv6 ? MHD_USE_IPv6 : 0);
    if (threads > 1)
        return MHD_start_daemon(
            flags, 0, NULL, NULL, handler, context, MHD_OPTION_SOCK_ADDR, address,
            MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_THREAD_POOL_SIZE, threads,
            MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, timeout_seconds,
            MHD_OPTION_NOTIFY_COMPLETED, completed, context, MHD_OPTION_END);
    return MHD_start_daemon(
        flags, 0, NULL, NULL, handler, context, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, timeout_seconds, MHD_OPTION_NOTIFY_COMPLETED, completed, context,
        MHD_OPTION_END);
}

/* The port it listens on, where any was asked for. 0 when unknown. */
static inline uint16_t cmhd_port(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

/* Closed enumerations, which Swift imports under names of its own making. */
static inline enum MHD_Result cmhd_result(int is_well) { return is_well ? MHD_YES : MHD_NO; }
static inline int cmhd_headers(struct MHD_Connection *connection, MHD_KeyValueIterator each, void *context) {
    return MHD_get_connection_values(connection, MHD_HEADER_KIND, each, context);
}
static inline int cmhd_arguments(struct MHD_Connection *connection, MHD_KeyValueIterator each, void *context) {
    return MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, each, context);
}
static inline struct MHD_Response *cmhd_copied(const void *bytes, size_t length) {
    return MHD_create_response_from_buffer(length, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}
