// What `gemini -o stream-json` reads and writes.
#pragma once

#include <memory>

#include "agent/dialect.hpp"

namespace cobatch {
inline namespace v1 {

[[nodiscard]] std::unique_ptr<dialect> make_gemini_dialect();

}  // namespace v1
}  // namespace cobatch
