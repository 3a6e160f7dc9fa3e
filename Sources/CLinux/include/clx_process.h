#pragma once
#include <stdint.h>
#include <sys/types.h>

/// What clx_spawn executes. Every pointer stays valid until clx_spawn returns.
typedef struct {
    const char *path;          // absolute
    char *const *argv;         // NULL-terminated, with argv[0]
    char *const *envp;         // NULL-terminated
    const char *directory;     // chdir before exec, or NULL
    const int *descriptors;    // child descriptor i is a duplicate of descriptors[i]; the rest is closed
    int descriptor_count;
    int mount_namespace;       // setns before exec, or -1
    int network_namespace;     // setns before exec, or -1
    int new_session;           // setsid (implies an own process group)
    int new_group;             // setpgid(0, 0)
    int controlling_terminal;  // makes child descriptor 0 the controlling terminal; needs new_session
} clx_spawn_t;

/// Starts a program with all signals at their defaults and none blocked.
/// Returns its pid and sets `*pidfd` (close-on-exec), or returns -errno of whatever failed up to and including execve.
pid_t clx_spawn(const clx_spawn_t *spec, int *pidfd);

/// Reaps the child behind `pidfd` without waiting. Returns 1 and sets `*status` to its exit status, or 128 + n for
/// signal n; 0 while it runs; -errno.
int clx_reap(int pidfd, int *status);

/// pidfd_open(2), close-on-exec. Returns a descriptor or -errno.
int clx_pidfd_open(pid_t pid);

/// pidfd_send_signal(2). Returns 0 or -errno.
int clx_pidfd_signal(int pidfd, int signal);

/// Makes a mount namespace that receives the mounts made here (rslave) and in which `cover` is seen at `covered`
/// instead of the file system mounted there. Returns a descriptor of the namespace (close-on-exec) or -errno.
int clx_mount_namespace(const char *covered, const char *cover);

/// memfd_create(2), close-on-exec. Returns a descriptor or -errno.
int clx_memory_file(const char *name);

/// Whether `path` lies on a file system of that magic number: 1, 0, or -errno.
int clx_is_file_system(const char *path, long magic);

/// Makes the mount at `path` shared. Returns 0 or -errno.
int clx_make_shared(const char *path);

/// epoll_create1(2), close-on-exec. Returns a descriptor or -errno.
int clx_poll_create(void);

/// Arms `descriptor` once for reading and/or writing, reported as `token`. Returns 0 or -errno.
int clx_poll_arm(int poll, int descriptor, int reading, int writing, uint64_t token);

/// Forgets `descriptor`; unknown ones are fine.
void clx_poll_forget(int poll, int descriptor);

/// Waits for armed descriptors. Fills at most `capacity` tokens and flags (1 readable or ended, 2 writable or ended).
/// Returns how many, or -errno.
int clx_poll_wait(int poll, uint64_t *tokens, uint32_t *flags, int capacity);

/// pipe2(2) with O_CLOEXEC. Returns 0 or -errno.
int clx_pipe(int ends[2]);

/// Sets or clears O_NONBLOCK. Returns 0 or -errno.
int clx_nonblocking(int descriptor, int enabled);

/// inotify_init1(2), close-on-exec and non-blocking. Returns a descriptor or -errno.
int clx_inotify_create(void);

/// Receives one message with one descriptor (SCM_RIGHTS) without waiting. Returns the descriptor (close-on-exec),
/// -EAGAIN, -ENODATA at the end or without a descriptor, or another -errno.
int clx_receive_descriptor(int socket);

/// Sets the size of a terminal. Returns 0 or -errno.
int clx_terminal_resize(int terminal, uint16_t columns, uint16_t rows);

/// A new pseudo terminal; `peer` gets the side for a child. Returns our side, or a negative error number.
int clx_terminal_open(int *peer);

/// write(2) that raises no SIGPIPE in this thread. Returns a count or -errno.
long clx_write(const void *bytes, size_t count, int descriptor);

/// accept4(2), close-on-exec and non-blocking. Returns a descriptor or -errno.
int clx_accept(int socket);
