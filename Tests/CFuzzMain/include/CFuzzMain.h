#pragma once
/* SwiftPM renames an executable's `main` to the name of its module and makes that the entry. */
int decoder_fuzz_main(int argc, char **argv);
