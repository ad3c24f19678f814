#include "import/original.hpp"
#include "unit/import/fixture.hpp"

using namespace import_test;

TEST_CASE("a time without a zone is a local one, cut to milliseconds") {
  const zone here("CET-1");
  const auto given = read_original_time("2025-11-07T21:45:00.123456");
  REQUIRE(given);
  CHECK(given->at == utc("2025-11-07T20:45:00.123Z"));
  CHECK(given->local);
  CHECK(read_original_time("2025-11-07 21:45:00")->at == utc("2025-11-07T20:45:00Z"));
}

TEST_CASE("a local time in summer is told from one in winter") {
  const zone here("CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(read_original_time("2025-07-01T12:00:00")->at == utc("2025-07-01T10:00:00Z"));
  CHECK(read_original_time("2025-12-01T12:00:00")->at == utc("2025-12-01T11:00:00Z"));
}

TEST_CASE("a time with a zone means that zone") {
  const zone here("CET-1");
  for (const auto* text : {"2025-11-07T21:45:00.5Z", "2025-11-07T21:45:00.500000+00:00", "2025-11-08T03:15:00.5+05:30",
                           "2025-11-07T16:45:00.5-05:00"}) {
    CAPTURE(text);
    const auto given = read_original_time(text);
    REQUIRE(given);
    CHECK(given->at == utc("2025-11-07T21:45:00.5Z"));
    CHECK_FALSE(given->local);
  }
}

TEST_CASE("what is no time is none") {
  for (const auto* text :
       {"", "yesterday", "2025-11-07", "2025-02-30T00:00:00", "2025-11-07T21:45", "2025-11-07T21:45:00.",
        "2025-11-07T21:45:00+1", "2025-11-07T21:45:00+25:00", "2025-11-07T21:45:00Zulu", "2025-11-07T21:45:00.5x"}) {
    CAPTURE(text);
    CHECK_FALSE(read_original_time(text));
  }
}

TEST_CASE("a default batch_id shows local time and the first 8 characters of the task, however many bytes they have") {
  const zone here("CET-1");
  const auto at = utc("2025-11-07T23:45:00Z");
  CHECK(default_batch_id(at, task_id("create_doc_1")).str() == "batch_20251108_004500_create_d");
  CHECK(default_batch_id(at, task_id("übergröße")).str() == "batch_20251108_004500_übergröß");
  CHECK(default_batch_id(at, task_id("a")).str() == "batch_20251108_004500_a");
}
