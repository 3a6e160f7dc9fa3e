#pragma once

/// Gives unused heap back to the kernel, and lets go of program pages: those that are needed are mapped again from the
/// file, which stays in the page cache. Only pages that nothing can have written to are let go.
void clx_memory_release(void);
