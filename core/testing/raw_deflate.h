#ifndef HOIST_CORE_TESTING_RAW_DEFLATE_H_
#define HOIST_CORE_TESTING_RAW_DEFLATE_H_

#include <zlib.h>

#include <string>

#include "gtest/gtest.h"

namespace hoist {

// `content` as raw deflate, by zlib: another implementation than Hoist's.
inline std::string RawDeflate(const std::string& content, int level = 6) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, 8,
                         Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace hoist

#endif  // HOIST_CORE_TESTING_RAW_DEFLATE_H_
