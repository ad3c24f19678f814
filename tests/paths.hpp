// Where the tests find what they start and read. Only paths.cpp is told these folders, so that all other files of the
// tests compile to the same in every clone.
#pragma once

#include <string>

namespace cobatch_test::paths {

extern const std::string program;        ///< `cobatch`
extern const std::string scripted;       ///< the agent that plays a script
extern const std::string library;        ///< the shared library of the C interface
extern const std::string recorded;       ///< the folder of recorded streams of agent programs
extern const std::string guide_figures;  ///< the script of the guide's own figures
extern const std::string reached;        ///< where the tests of the C interface note each status that they saw

}  // namespace cobatch_test::paths
