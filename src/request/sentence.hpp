// A whole reply says sentences.
#pragma once

#include "run/sentence.hpp"

namespace cobatch {
inline namespace v1 {
namespace request {

using cobatch::sentence;

}  // namespace request
}  // namespace v1
}  // namespace cobatch
