#ifndef CBUILDINFO_H
#define CBUILDINFO_H

/// The commit that the program was built from, as `git` shortens it, a `+` after it where files had changed since; `unknown` where
/// the build was not told (`SESSIONIZER_COMMIT`, which `make build` sets).
const char *cbuildinfo_commit(void);

#endif
