#pragma once
#include <spawn.h>

/// What glibc has beyond POSIX, which Swift's own `Glibc` does not show: the folder a child begins in.
int spawn_in_folder(posix_spawn_file_actions_t *actions, const char *folder);
/// And that it is given no descriptor from the first one on.
int spawn_closing_from(posix_spawn_file_actions_t *actions, int first);
/// A file without a name, which is gone with its last descriptor and is given to no child by itself; -1 and `errno`.
int spawn_nameless_file(void);
