#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The mount interface of file descriptors. Every function returns a value >= 0, or -errno.

/// fsopen(2): a context for a new file system, close-on-exec.
int clx_fsopen(const char *type);
/// fsconfig(2) FSCONFIG_SET_STRING; the kernel accepts at most 255 bytes of value.
int clx_fsconfig_string(int context, const char *key, const char *value);
/// fsconfig(2) FSCONFIG_SET_FLAG.
int clx_fsconfig_flag(int context, const char *key);
/// fsconfig(2) FSCONFIG_CMD_CREATE.
int clx_fsconfig_create(int context);
/// fsmount(2): a detached mount, close-on-exec.
int clx_fsmount(int context);
/// open_tree(2) with OPEN_TREE_CLONE: a detached copy of the mount at `path`, with what is mounted beneath if `recursive`.
int clx_clone_tree(const char *path, int recursive);
/// mount_setattr(2): makes a detached mount read-only, with what is mounted beneath if `recursive`.
int clx_set_read_only(int mount, int recursive);
/// move_mount(2): attaches a detached mount at `path`; links in `path` are followed.
int clx_attach_mount(int mount, const char *path);

// Paths beneath a directory.

/// O_PATH and the own bit of O_TMPFILE, which the C library hides from Swift.
enum { CLX_O_PATH = 010000000, CLX_O_TMPFILE = 020000000 };

/// How openat2(2) treats what would leave the directory: refused with EXDEV, or resolved as if it were "/".
enum { CLX_RESOLVE_BENEATH = 0, CLX_RESOLVE_IN_ROOT = 1 };

/// openat2(2); O_CLOEXEC and the ban on magic links are added. Repeated while the kernel reports a race (EAGAIN).
int clx_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, int resolve);
/// As clx_openat2 for a path of `length` bytes without a terminating zero.
int clx_openat2_bytes(int directory, const char *path, size_t length, uint64_t flags, uint64_t mode, int resolve);
/// renameat2(2).
int clx_renameat2(int fromDirectory, const char *from, int toDirectory, const char *to, unsigned int flags);
/// syncfs(2).
int clx_syncfs(int fd);
/// makedev(3), which is a macro.
dev_t clx_makedev(unsigned int major, unsigned int minor);
/// Gives the calling thread its own working directory and file mode creation mask, and clears the mask.
int clx_private_umask(void);
/// Makes the calling thread read and write text as UTF-8; for libraries that ask the locale.
int clx_utf8_thread(void);

// Extended attributes: lsetxattr(2), fsetxattr(2), lgetxattr(2).
int clx_lsetxattr(const char *path, const char *name, const void *value, size_t size);
int clx_fsetxattr(int fd, const char *name, const void *value, size_t size);
ssize_t clx_lgetxattr(const char *path, const char *name, void *value, size_t size);
