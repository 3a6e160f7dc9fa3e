#pragma once
// Kernel calls that Swift cannot make itself: what glibc hides behind _GNU_SOURCE or does not wrap at all.
// One header per topic; the implementation of `clx_<topic>.h` is `<topic>.c`.
#include "clx_base.h"
#include "clx_netns.h"
#include "clx_process.h"
#include "clx_mount.h"
#include "clx_memory.h"
