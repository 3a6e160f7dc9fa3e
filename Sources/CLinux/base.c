#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clx_base.h"

#include <errno.h>
#include <linux/close_range.h>
#include <unistd.h>

int clx_cloexec_from(unsigned int first) {
    return close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == 0 ? 0 : -errno;
}
