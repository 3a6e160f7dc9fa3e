#pragma once
#include <sys/types.h>

/// Makes a network namespace in a thread that ends at once. Returns a descriptor of it (close-on-exec) or -errno; sets
/// `*route_socket` to a NETLINK_ROUTE socket within it (close-on-exec).
int clx_netns_create(int *route_socket);

/// socket(2) with SOCK_CLOEXEC, made by a thread that enters the namespace and ends. Returns a descriptor or -errno.
int clx_netns_socket(int network_namespace, int domain, int type, int protocol);

/// socket(2) with SOCK_CLOEXEC in the namespace of this process. Returns a descriptor or -errno.
int clx_socket(int domain, int type, int protocol);

/// Whether `path` is a pinned namespace of any kind. Returns 1, 0 or -errno.
int clx_is_namespace(const char *path);
