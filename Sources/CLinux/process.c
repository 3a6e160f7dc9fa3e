#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clx_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define CHILD_STACK (64 * 1024)
#define DESCRIPTOR_LIMIT 64

struct child {
    const clx_spawn_t *spec;
    volatile int error;
};

// Runs in the parent's memory on a stack of its own while the parent's thread waits: system calls only.
static int child_main(void *argument) {
    struct child *child = argument;
    const clx_spawn_t *spec = child->spec;
    int moved[DESCRIPTOR_LIMIT];

    if (spec->new_session) {
        if (setsid() < 0) goto failed;
    } else if (spec->new_group && setpgid(0, 0) < 0) {
        goto failed;
    }
    if (spec->network_namespace >= 0 && setns(spec->network_namespace, CLONE_NEWNET) < 0) goto failed;
    if (spec->mount_namespace >= 0 && setns(spec->mount_namespace, CLONE_NEWNS) < 0) goto failed;
    if (spec->directory != NULL && chdir(spec->directory) < 0) goto failed;

    // Two passes: every source first moves above the targets, so that no target overwrites a source.
    for (int i = 0; i < spec->descriptor_count; i++) {
        moved[i] = fcntl(spec->descriptors[i], F_DUPFD_CLOEXEC, spec->descriptor_count);
        if (moved[i] < 0) goto failed;
    }
    for (int i = 0; i < spec->descriptor_count; i++)
        if (dup2(moved[i], i) < 0) goto failed;
    if (close_range((unsigned int)spec->descriptor_count, ~0U, CLOSE_RANGE_CLOEXEC) < 0) goto failed;
    if (spec->controlling_terminal && ioctl(0, TIOCSCTTY, 0) < 0) goto failed;

    // The system call itself: glibc keeps two signals for its own use and would leave them ignored.
    uint64_t defaults[8] = {0};
    for (int signal = 1; signal < NSIG; signal++) syscall(SYS_rt_sigaction, signal, defaults, NULL, 8);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    execve(spec->path, spec->argv, spec->envp);
failed:
    child->error = errno;
    return 127;
}

pid_t clx_spawn(const clx_spawn_t *spec, int *pidfd) {
    if (spec->descriptor_count > DESCRIPTOR_LIMIT) return -EINVAL;
    char *stack = malloc(CHILD_STACK);
    if (stack == NULL) return -ENOMEM;
    struct child child = {spec, 0};

    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    void *top = (void *)((uintptr_t)(stack + CHILD_STACK) & ~(uintptr_t)15);
    pid_t pid = clone(child_main, top, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, pidfd);
    int error = pid < 0 ? errno : child.error;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    free(stack);

    if (pid < 0) return -error;
    if (error != 0) {
        int status;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        close(*pidfd);
        return -error;
    }
    return pid;
}

int clx_reap(int pidfd, int *status) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    while (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0)
        if (errno != EINTR) return -errno;
    if (info.si_pid == 0) return 0;
    *status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    return 1;
}

int clx_pidfd_open(pid_t pid) {
    int descriptor = (int)syscall(SYS_pidfd_open, pid, 0);
    return descriptor < 0 ? -errno : descriptor;
}

int clx_pidfd_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int clx_mount_namespace(const char *covered, const char *cover) {
    int ready[2], release[2];
    if (pipe2(ready, O_CLOEXEC) < 0) return -errno;
    if (pipe2(release, O_CLOEXEC) < 0) {
        int error = errno;
        close(ready[0]);
        close(ready[1]);
        return -error;
    }
    int result;
    pid_t pid = fork();
    if (pid == 0) {
        // Only async-signal-safe calls: other threads of the parent may have held locks. Nothing but the two pipes
        // stays open: a copy of a descriptor of the parent would keep its lock or its pipe alive.
        int report = fcntl(ready[1], F_DUPFD, 100);
        int hold = fcntl(release[0], F_DUPFD, report + 1);
        if (report < 0 || hold < 0) _exit(1);
        close_range(0, (unsigned int)report - 1, 0);
        if (hold > report + 1) close_range((unsigned int)report + 1, (unsigned int)hold - 1, 0);
        close_range((unsigned int)hold + 1, ~0U, 0);
        char byte = 0;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0
            || umount2(covered, MNT_DETACH) < 0 || mount(cover, covered, NULL, MS_BIND, NULL) < 0)
            byte = (char)errno;
        if (write(report, &byte, 1) == 1) {
            while (read(hold, &byte, 1) < 0 && errno == EINTR) {}
        }
        _exit(0);
    }
    result = pid < 0 ? -errno : 0;
    close(ready[1]);
    close(release[0]);
    if (pid > 0) {
        char error = 0;
        ssize_t count;
        while ((count = read(ready[0], &error, 1)) < 0 && errno == EINTR) {}
        if (count != 1) {
            result = -ECHILD;
        } else if (error != 0) {
            result = -error;
        } else {
            char path[64] = "/proc/";
            char digits[16];
            int length = 0;
            for (pid_t rest = pid; rest > 0; rest /= 10) digits[length++] = (char)('0' + rest % 10);
            size_t end = strlen(path);
            while (length > 0) path[end++] = digits[--length];
            strcpy(path + end, "/ns/mnt");
            result = open(path, O_RDONLY | O_CLOEXEC);
            if (result < 0) result = -errno;
        }
    }
    close(ready[0]);
    close(release[1]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        int status;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    }
    return result;
}

int clx_poll_create(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int clx_poll_arm(int poll, int descriptor, int reading, int writing, uint64_t token) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = EPOLLONESHOT | (reading ? EPOLLIN | EPOLLRDHUP : 0) | (writing ? EPOLLOUT : 0);
    event.data.u64 = token;
    if (epoll_ctl(poll, EPOLL_CTL_MOD, descriptor, &event) == 0) return 0;
    if (errno == ENOENT && epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) == 0) return 0;
    return -errno;
}

void clx_poll_forget(int poll, int descriptor) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    epoll_ctl(poll, EPOLL_CTL_DEL, descriptor, &event);
}

int clx_poll_wait(int poll, uint64_t *tokens, uint32_t *flags, int capacity) {
    struct epoll_event events[64];
    if (capacity > 64) capacity = 64;
    int count = epoll_wait(poll, events, capacity, -1);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        uint32_t seen = events[i].events;
        tokens[i] = events[i].data.u64;
        flags[i] = (seen & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? 1u : 0u)
            | (seen & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? 2u : 0u);
    }
    return count;
}

int clx_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

int clx_nonblocking(int descriptor, int enabled) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) return -errno;
    int wanted = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(descriptor, F_SETFL, wanted) < 0 ? -errno : 0;
}

int clx_inotify_create(void) {
    int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int clx_receive_descriptor(int socket) {
    char payload[256];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec vector = {payload, sizeof payload};
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    ssize_t count;
    while ((count = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0)
        if (errno != EINTR) return -errno;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) return -ENODATA;
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return descriptor;
}

int clx_terminal_resize(int terminal, uint16_t columns, uint16_t rows) {
    struct winsize size = {rows, columns, 0, 0};
    return ioctl(terminal, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

long clx_write(const void *bytes, size_t count, int descriptor) {
    sigset_t pipe_signal, old;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
    ssize_t result = write(descriptor, bytes, count);
    long answer = result < 0 ? -errno : result;
    if (answer == -EPIPE && !sigismember(&old, SIGPIPE)) {
        struct timespec now = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &now) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return answer;
}

int clx_memory_file(const char *name) {
    int descriptor = memfd_create(name, MFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int clx_is_file_system(const char *path, long magic) {
    struct statfs status;
    if (statfs(path, &status) < 0) return -errno;
    return (long)status.f_type == magic;
}

int clx_make_shared(const char *path) { return mount(NULL, path, NULL, MS_SHARED, NULL) < 0 ? -errno : 0; }

int clx_accept(int socket) {
    int descriptor = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int clx_terminal_open(int *peer) {
    int unlocked = 0;
    int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0) return -errno;
    if (ioctl(terminal, TIOCSPTLCK, &unlocked) == 0) {
        *peer = ioctl(terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (*peer >= 0) return terminal;
    }
    int number = errno;
    close(terminal);
    return -number;
}
