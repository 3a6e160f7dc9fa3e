#pragma once
#include <stdint.h>
#include <sys/types.h>

/// close_range(2) for the parent: marks every descriptor from `first` on close-on-exec. Returns 0 or -errno.
int clx_cloexec_from(unsigned int first);
