// A second unit that includes everything: what is defined in a header must be inline.
#include "everything.hpp"

cobatch::settlement settlement_from_another_unit() {
  cobatch::settlement what;
  what.end = cobatch::turn_end::done;
  what.output = "by an agent of the host's own";
  return what;
}
