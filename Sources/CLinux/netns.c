#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clx_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

// A thread that has changed its namespace must never serve anything else: each of these runs once and is joined.
typedef struct {
    int network_namespace;  // in: to enter; out: the new one
    int domain, type, protocol;
    int result;
} request_t;

static void *create_thread(void *argument) {
    request_t *request = argument;
    if (unshare(CLONE_NEWNET) != 0) {
        request->result = -errno;
        return NULL;
    }
    int ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (ns < 0) {
        request->result = -errno;
        return NULL;
    }
    request->result = clx_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (request->result < 0)
        close(ns);
    else
        request->network_namespace = ns;
    return NULL;
}

static void *socket_thread(void *argument) {
    request_t *request = argument;
    if (setns(request->network_namespace, CLONE_NEWNET) != 0)
        request->result = -errno;
    else
        request->result = clx_socket(request->domain, request->type, request->protocol);
    return NULL;
}

static int run(void *(*body)(void *), request_t *request) {
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0) return -error;
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    // The thread takes no signals: they belong to threads that stay.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    pthread_t thread;
    error = pthread_create(&thread, &attributes, body, request);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    if (error != 0) return -error;
    pthread_join(thread, NULL);
    return request->result;
}

int clx_netns_create(int *route_socket) {
    request_t request = {.network_namespace = -1};
    int result = run(create_thread, &request);
    if (result < 0) return result;
    *route_socket = result;
    return request.network_namespace;
}

int clx_netns_socket(int network_namespace, int domain, int type, int protocol) {
    request_t request = {.network_namespace = network_namespace, .domain = domain, .type = type, .protocol = protocol};
    return run(socket_thread, &request);
}

int clx_socket(int domain, int type, int protocol) {
    int descriptor = socket(domain, type | SOCK_CLOEXEC, protocol);
    return descriptor >= 0 ? descriptor : -errno;
}

int clx_is_namespace(const char *path) {
    struct statfs info;
    if (statfs(path, &info) != 0) return -errno;
    return info.f_type == NSFS_MAGIC;
}
