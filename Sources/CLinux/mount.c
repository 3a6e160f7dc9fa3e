#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clx_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <locale.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

_Static_assert(CLX_O_PATH == O_PATH && CLX_O_TMPFILE == (O_TMPFILE & ~O_DIRECTORY), "as in <fcntl.h>");

// glibc before 2.36 has no wrappers, and <sys/mount.h> clashes with <linux/mount.h>: raw calls throughout.
static int result(long value) { return value < 0 ? -errno : (int)value; }

int clx_fsopen(const char *type) { return result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)); }

int clx_fsconfig_string(int context, const char *key, const char *value) {
    return result(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0));
}

int clx_fsconfig_flag(int context, const char *key) {
    return result(syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, key, NULL, 0));
}

int clx_fsconfig_create(int context) {
    return result(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

int clx_fsmount(int context) { return result(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0)); }

int clx_clone_tree(const char *path, int recursive) {
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    return result(syscall(SYS_open_tree, AT_FDCWD, path, flags));
}

int clx_set_read_only(int mount, int recursive) {
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    return result(syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof attributes));
}

int clx_attach_mount(int mount, const char *path) {
    unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
    return result(syscall(SYS_move_mount, mount, "", AT_FDCWD, path, flags));
}

int clx_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, int resolve) {
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .mode = mode,
        .resolve = RESOLVE_NO_MAGICLINKS | (resolve == CLX_RESOLVE_IN_ROOT ? RESOLVE_IN_ROOT : RESOLVE_BENEATH),
    };
    for (int attempt = 0; attempt < 128; attempt++) {
        long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
        if (fd >= 0) return (int)fd;
        if (errno != EAGAIN && errno != EINTR) return -errno;
    }
    return -EAGAIN;
}

int clx_openat2_bytes(int directory, const char *path, size_t length, uint64_t flags, uint64_t mode, int resolve) {
    char buffer[4096];
    if (length == 0) return clx_openat2(directory, ".", flags, mode, resolve);
    if (length >= sizeof buffer) return -ENAMETOOLONG;
    memcpy(buffer, path, length);
    buffer[length] = 0;
    return clx_openat2(directory, buffer, flags, mode, resolve);
}

int clx_renameat2(int fromDirectory, const char *from, int toDirectory, const char *to, unsigned int flags) {
    return result(syscall(SYS_renameat2, fromDirectory, from, toDirectory, to, flags));
}

int clx_syncfs(int fd) { return result(syncfs(fd)); }

dev_t clx_makedev(unsigned int major, unsigned int minor) { return makedev(major, minor); }

int clx_private_umask(void) {
    if (unshare(CLONE_FS) != 0) return -errno;
    umask(0);
    return 0;
}

int clx_utf8_thread(void) {
    static __thread locale_t utf8;
    if (!utf8) utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8) return -errno;
    return uselocale(utf8) ? 0 : -EINVAL;
}

int clx_lsetxattr(const char *path, const char *name, const void *value, size_t size) {
    return result(lsetxattr(path, name, value, size, 0));
}

int clx_fsetxattr(int fd, const char *name, const void *value, size_t size) {
    return result(fsetxattr(fd, name, value, size, 0));
}

ssize_t clx_lgetxattr(const char *path, const char *name, void *value, size_t size) {
    ssize_t count = lgetxattr(path, name, value, size);
    return count < 0 ? -errno : count;
}
