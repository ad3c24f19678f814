// The version of the headers, for #if; `version()` in <cobatch/workspace.hpp> gives the library's own.
#pragma once

#define COBATCH_VERSION_MAJOR 0
#define COBATCH_VERSION_MINOR 1
#define COBATCH_VERSION_PATCH 0
#define COBATCH_VERSION_STRING "0.1.0"
