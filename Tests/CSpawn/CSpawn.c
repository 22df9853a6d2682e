#define _GNU_SOURCE
#include "CSpawn.h"

#include <sys/mman.h>

int spawn_in_folder(posix_spawn_file_actions_t *actions, const char *folder) {
  return posix_spawn_file_actions_addchdir_np(actions, folder);
}

int spawn_closing_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int spawn_nameless_file(void) { return memfd_create("child", MFD_CLOEXEC); }
