#ifndef HOIST_CORE_TENSOR_OPS_DIGEST_H_
#define HOIST_CORE_TENSOR_OPS_DIGEST_H_

#include <cstdint>

#include "absl/types/span.h"

namespace hoist {

// A digest of 64 bits that any number of threads of a CPU or a GPU compute
// together, in any order. It is the sum, modulo 2^64, of a term for each word
// of 8 bytes and one for the length:
//
//   mix(x):      twice x = (x ^ x >> 32) * 0xD6E8FEB86659FD93, then x ^ x >> 32
//   term(w, i) = mix(w + (i + 1) * 0x9E3779B97F4A7C15)
//   digest     = term(size_bytes, 2^64 - 1) + term(word 0, 0) + term(word 1, 1)
//                + ...
//
// Words are little-endian, and the last one is filled with zero bytes. Since
// mix is a permutation, any change within one word, as of a single bit, changes
// the digest for certain. Of words that changed places, runs that were zeroed
// and any other damage one in 2^64 would go unnoticed if mix were random. It is
// not cryptographic: who wants to can make other bytes of the same digest.
//
// Thread-safe.
uint64_t Digest64(absl::Span<const uint8_t> bytes);

// For bytes that come in pieces: the sum of the terms of their words, the first
// of which is word `first_word` of the whole. All pieces but the last are of
// whole words.
uint64_t DigestTerms(absl::Span<const uint8_t> bytes, uint64_t first_word);

// The digest, from the sum of DigestTerms() of all pieces.
uint64_t DigestOfTerms(uint64_t sum, uint64_t size_bytes);

}  // namespace hoist

#endif  // HOIST_CORE_TENSOR_OPS_DIGEST_H_
