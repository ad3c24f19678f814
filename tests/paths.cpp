#include "paths.hpp"

namespace cobatch_test::paths {

const std::string program = COBATCH_PROGRAM;
const std::string scripted = COBATCH_SCRIPTED;
const std::string library = COBATCH_LIBRARY;
const std::string recorded = COBATCH_RECORDED;
const std::string guide_figures = COBATCH_GUIDE_FIGURES;
const std::string reached = COBATCH_REACHED;

}  // namespace cobatch_test::paths
