#include "CBuildInfo.h"

const char *cbuildinfo_commit(void) { return SESSIONIZER_COMMIT; }
