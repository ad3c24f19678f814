// The turn that lines of an agent are read for.
#pragma once

#include "agents/dialect.hpp"

namespace cobatch_test {

inline const cobatch::turn_key key{cobatch::turn_no{1}, cobatch::task_id("t")};

}  // namespace cobatch_test
