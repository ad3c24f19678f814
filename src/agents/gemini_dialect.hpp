// What `gemini -o stream-json` reads and writes.
#pragma once

#include <memory>

#include "agents/dialect.hpp"

namespace cobatch {

[[nodiscard]] std::unique_ptr<dialect> make_gemini_dialect();

}  // namespace cobatch
